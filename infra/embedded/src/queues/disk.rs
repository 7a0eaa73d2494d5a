//! Forces sent messages to the disk. Callers that wait at the same time share one forced write.

use std::fs::File;
use std::io;
use std::path::Path;

use tokio::sync::{mpsc, oneshot};

/// Forces the write-ahead log of the queues to the disk, in a thread of its own.
#[derive(Debug)]
pub(super) struct DiskSync {
    requests: mpsc::UnboundedSender<oneshot::Sender<()>>,
}

impl DiskSync {
    /// Opens the write-ahead log of a database. SQLite keeps the log for as long as a connection is open.
    ///
    /// SQLite writes each change into the log before it reports success, and forces the log to the disk before it moves
    /// changes into the database. It does not force it before the sender is answered; this does.
    pub(super) fn for_database(database: &Path) -> io::Result<Self> {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let log = File::open(log)?;
        let (requests, mut received) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
        let sync = move || {
            while let Some(first) = received.blocking_recv() {
                let mut waiting = vec![first];
                while let Ok(another) = received.try_recv() {
                    waiting.push(another);
                }
                // After one failure, a later success proves nothing: the system may have dropped the failed pages.
                if log.sync_data().is_err() {
                    return;
                }
                for caller in waiting {
                    // The caller may have been cancelled.
                    let _ = caller.send(());
                }
            }
        };
        std::thread::Builder::new().name("queues-disk".to_owned()).spawn(sync)?;
        Ok(Self { requests })
    }

    /// Waits until everything written so far is on the disk.
    pub(super) async fn sync(&self) -> io::Result<()> {
        let (done, finished) = oneshot::channel();
        let failed = || io::Error::other("cannot force the write-ahead log of the queues to the disk");
        self.requests.send(done).map_err(|_| failed())?;
        finished.await.map_err(|_| failed())
    }
}
