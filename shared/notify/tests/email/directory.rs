//! Mail into a directory.

use std::path::{Path, PathBuf};

use notify::{Channel, Mailer, SendError};

use super::{FROM, page};

/// A directory of its own for one test.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mail-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn mails_become_files_in_their_order_and_a_new_process_goes_on_counting() {
    let directory = Directory::new("order");
    let mailer = Mailer::directory(&directory.0, FROM).unwrap();

    let receipt = mailer.send(&page(1)).await.unwrap();
    mailer.send(&page(2)).await.unwrap();
    let restarted = Mailer::directory(&directory.0, FROM).unwrap();
    restarted.send(&page(2)).await.unwrap();
    std::fs::remove_file(directory.0.join("000003-disk-2-is-full.eml")).unwrap();
    restarted.send(&page(2)).await.unwrap();

    assert_eq!(
        directory.names(),
        ["000001-disk-1-is-full.eml", "000002-disk-2-is-full.eml", "000004-disk-2-is-full.eml"]
    );
    assert_eq!(receipt.as_str(), "000001-disk-1-is-full.eml");
    let mail = std::fs::read_to_string(directory.0.join(receipt.as_str())).unwrap();
    assert!(
        mail.contains("Subject: [Firebell] Disk 1 is full\r\n") && mail.contains("To: ada@example.com\r\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mails_at_the_same_time_each_become_a_whole_file() {
    let directory = Directory::new("race");
    let mailer = std::sync::Arc::new(Mailer::directory(&directory.0, FROM).unwrap());

    let sends = (0..40).map(|n| {
        let mailer = std::sync::Arc::clone(&mailer);
        tokio::spawn(async move { mailer.send(&page(n)).await.map(|_| ()) })
    });
    for send in sends.collect::<Vec<_>>() {
        send.await.unwrap().unwrap();
    }

    let names = directory.names();
    assert_eq!(names.len(), 40);
    assert!(names.iter().all(|name| name.ends_with(".eml")), "{names:?}");
    assert!(names[39].starts_with("000040-"), "{names:?}");
}

#[tokio::test]
async fn directory_that_cannot_be_written_is_transient() {
    let directory = Directory::new("file");
    std::fs::create_dir_all(directory.0.parent().unwrap()).unwrap();
    std::fs::write(&directory.0, "not a directory").unwrap();
    let mailer = Mailer::directory(&directory.0, FROM).unwrap();

    let result = mailer.send(&page(1)).await;

    assert!(matches!(result, Err(SendError::Transient { .. })), "{result:?}");
    std::fs::remove_file(&directory.0).unwrap();
}
