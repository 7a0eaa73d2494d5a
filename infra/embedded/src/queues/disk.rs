//! Waiting until what was sent is on the disk: all who wait at the same time wait for one forced write.

use std::fs::File;
use std::io;
use std::path::Path;

use tokio::sync::{mpsc, oneshot};

/// Forces the queues' log to the disk, from a thread of its own: whoever waits holds up nobody else.
#[derive(Debug)]
pub(super) struct Disk {
    asks: mpsc::UnboundedSender<oneshot::Sender<()>>,
}

impl Disk {
    /// Opens the write-ahead log beside a database, which keeps one for as long as somebody has it open.
    ///
    /// SQLite writes each change into its log before it says that it is made, and forces it to the disk by itself
    /// before it moves it into the database: what is missing is that it is forced before the sender is answered.
    pub(super) fn beside(database: &Path) -> io::Result<Self> {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let log = File::open(log)?;
        let (asks, mut asked) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
        let force = move || {
            while let Some(first) = asked.blocking_recv() {
                let mut waiting = vec![first];
                while let Ok(another) = asked.try_recv() {
                    waiting.push(another);
                }
                // A disk that has failed once may forget and say that all is well: nothing is promised any more.
                if log.sync_data().is_err() {
                    return;
                }
                for one in waiting {
                    // Whoever no longer waits is told nothing.
                    let _ = one.send(());
                }
            }
        };
        std::thread::Builder::new().name("queues-disk".to_owned()).spawn(force)?;
        Ok(Self { asks })
    }

    /// Waits until all that is written by now is on the disk.
    pub(super) async fn force(&self) -> io::Result<()> {
        let (done, told) = oneshot::channel();
        let failed = || io::Error::other("the queues' log could not be forced to the disk");
        self.asks.send(done).map_err(|_| failed())?;
        told.await.map_err(|_| failed())
    }
}
