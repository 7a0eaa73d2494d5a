//! `cargo local` as its user meets it: the real program, its texts and its exit codes.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Output, Stdio};
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    /// How long the program may take to say something.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// The program, with free ports.
    fn program(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(["--listen", "127.0.0.1:0", "--mail-listen", "127.0.0.1:0"]).args(arguments);
        command
    }

    /// The program's exit code and its standard error, which is one line.
    fn fails(command: &mut Command) -> (i32, String) {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = String::from_utf8(stderr).unwrap();
        assert_eq!(String::from_utf8_lossy(&stdout), "", "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        (status.code().unwrap(), text.trim_end().to_owned())
    }

    /// A new directory.
    fn directory(name: &str) -> PathBuf {
        let name = format!("{name}-{:016x}", fastrand::u64(..));
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// A running program; it is killed at the end.
    struct Running {
        child: Child,
        lines: mpsc::Receiver<String>,
        printed: Vec<String>,
    }

    impl Running {
        fn start(command: &mut Command) -> Self {
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let (send, lines) = mpsc::channel();
            let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
            for stream in [Box::new(out) as Box<dyn std::io::Read + Send>, Box::new(err)] {
                let send = send.clone();
                std::thread::spawn(move || {
                    for line in BufReader::new(stream).lines().map_while(Result::ok) {
                        let _ = send.send(line);
                    }
                });
            }
            Self { child, lines, printed: Vec::new() }
        }

        /// Waits for a line that contains a text, and returns it.
        fn wait_for(&mut self, text: &str) -> String {
            if let Some(line) = self.printed.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let begun = Instant::now();
            loop {
                let left = PATIENCE.saturating_sub(begun.elapsed());
                let line = self.lines.recv_timeout(left).ok();
                let line = line.unwrap_or_else(|| panic!("no line has {text:?}: {:#?}", self.printed));
                self.printed.push(line.clone());
                if line.contains(text) {
                    return line;
                }
            }
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    #[test]
    fn help_and_version_are_printed() {
        for (option, expected) in [
            ("-h", "Usage: cargo local [OPTIONS]"),
            ("--help", "--mail-listen ADDR:PORT"),
            ("-V", "Firebell 0."),
            ("--version", "Firebell 0."),
        ] {
            let output = program(&[option]).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn unknown_option_exits_with_2() {
        let (code, text) = fails(&mut program(&["--lisen", "127.0.0.1:80"]));

        assert_eq!(text, "error: unknown option `--lisen`. Run `cargo local --help` to see all options.");
        assert_eq!(code, 2);
    }

    #[test]
    fn unusable_data_directory_is_named_with_the_reason() {
        let file = directory("file").join("data");
        fs::write(&file, "").unwrap();
        let below = file.join("below");

        for (dir, reason) in [(&file, "it is a file"), (&below, "not a directory")] {
            let (code, text) = fails(&mut program(&["--data", dir.to_str().unwrap()]));

            let expected = format!(
                "error: cannot use the data directory `{}`: {reason}. Use --data DIR to choose a directory that you can \
                 write to.",
                dir.display()
            );
            assert_eq!((code, text), (1, expected));
        }
    }

    #[test]
    fn damaged_database_is_named_with_what_to_do() {
        let dir = directory("damaged");
        fs::write(dir.join("queue.sqlite"), "this is not a database".repeat(100)).unwrap();

        let (code, text) = fails(&mut program(&["--data", dir.to_str().unwrap()]));

        assert_eq!(code, 1);
        let begins = format!("error: cannot open the database in the data directory `{}`: ", dir.display());
        assert!(text.starts_with(&begins) && text.ends_with("to start with another directory."), "{text}");
    }

    #[test]
    fn port_in_use_is_named_with_the_option_that_changes_it() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));

        let (code, text) = fails(command.args(["--ephemeral", "--listen", &address]));

        let expected =
            format!("error: cannot listen on {address}: another process uses this port. Use --listen");
        assert!(code == 1 && text.starts_with(&expected), "{text}");
    }

    #[test]
    fn mail_port_in_use_stops_nothing_else() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();

        let mut running = Running::start(&mut program(&["--ephemeral", "--mail-listen", &address]));

        let expected = format!("not received: cannot listen on {address}: another process uses this port.");
        running.wait_for(&expected);
        running.wait_for("Firebell is ready at http://127.0.0.1:");
    }

    #[test]
    fn data_directory_is_used_once_at_a_time_and_is_free_after_kill_9() {
        let dir = directory("twice");
        let dir = dir.to_str().unwrap();
        let mut first = Running::start(&mut program(&["--data", dir]));
        first.wait_for("Firebell is ready");

        let (code, text) = fails(&mut program(&["--data", dir]));
        let expected = format!(
            "error: the data directory `{dir}` is in use by another `cargo local` (process {}). Stop that process, or \
             use --data DIR to choose another directory.",
            first.child.id()
        );
        assert_eq!((code, text), (1, expected));

        // SIGKILL: the process cannot release anything itself.
        first.child.kill().unwrap();
        first.child.wait().unwrap();
        let mut again = Running::start(&mut program(&["--data", dir, "--demo"]));
        again.wait_for("warning: --demo has no effect");
        again.wait_for("API key             in ");
        again.wait_for("Firebell is ready");
    }

    #[test]
    fn each_wrong_setting_is_one_line_that_names_it() {
        let mut command = program(&["--ephemeral"]);
        let output = command
            .env("FIREBELL_PUBLIC_URL", "firebell.example.com")
            .env("FIREBELL_LOG_FORMAT", "xml")
            .env("FIREBELL_MAIL_FROM", "nobody")
            .output()
            .unwrap();

        let text = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(output.status.code(), Some(1), "{text}");
        for (line, name) in
            lines.iter().zip(["FIREBELL_PUBLIC_URL", "FIREBELL_MAIL_FROM", "FIREBELL_LOG_FORMAT"])
        {
            assert!(line.starts_with(&format!("error: {name} ")), "{text}");
        }
        assert_eq!(lines.len(), 3, "{text}");
    }

    #[test]
    fn malformed_settings_are_named_without_their_password() {
        for (name, value) in [
            ("FIREBELL_SMTP_URL", "smtp://user:hunter2@host:port"),
            ("FIREBELL_SMTP_URL", "smtp://hunter2@host"),
            ("FIREBELL_SENTRY_DSN", "https://hunter2/1"),
            ("FIREBELL_LOG", "info=hunter"),
            ("FIREBELL_KEY", "hunter2"),
        ] {
            let (code, text) = fails(program(&["--ephemeral"]).env(name, value));

            assert!(code == 1 && text.starts_with(&format!("error: {name}")), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn misspelt_setting_is_a_warning() {
        let mut command = program(&["--ephemeral"]);
        let mut running = Running::start(command.env("FIREBELL_SMPT_URL", "smtp://localhost"));

        running.wait_for("warning: Firebell has no setting FIREBELL_SMPT_URL");
        running.wait_for("Firebell is ready");
    }

    #[test]
    fn unreachable_mail_server_is_a_warning_until_it_can_be_reached() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = program(&["--ephemeral"]);
        let mut running = Running::start(command.env("FIREBELL_SMTP_URL", format!("smtp://{free}")));

        let warning = running.wait_for("warning: cannot use the mail server");
        let server = format!("127.0.0.1 port {} without encryption", free.port());
        assert_eq!(
            warning,
            format!(
                "warning: cannot use the mail server {server}: Connection refused. Email waits, and is sent when the \
                 server can be used. Check FIREBELL_SMTP_URL."
            )
        );

        let listener = TcpListener::bind(free).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut stream = stream;
                let _ = stream.write_all(b"220 hello\r\n");
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                    let _ = stream.write_all(b"250 hello\r\n");
                    line.clear();
                }
            }
        });
        running.wait_for(&format!("the mail server {server} can be used now"));
    }

    #[test]
    fn demo_alert_is_an_email_that_can_be_read_without_a_mail_program() {
        let dir = directory("demo");
        let mut running = Running::start(&mut program(&["--demo", "--data", dir.to_str().unwrap()]));
        for text in [
            "Demo organisation",
            "Demo alert source   http://127.0.0.1:",
            "Demo source secret",
            "/sign-in?token=",
        ] {
            running.wait_for(text);
        }

        let line = running.wait_for("wrote an email");
        let file = line.split("mail.file=").nth(1).unwrap().split_whitespace().next().unwrap();
        let text = fs::read_to_string(file).unwrap();

        assert!(file.ends_with("/mail/000001-disk-of-db-1-is-97-full.txt"), "{file}");
        assert!(
            text.starts_with(
                "From: firebell@localhost\nTo: ada@example.com\nSubject: [Firebell] Disk of db-1"
            )
        );
        let link = text.lines().find(|line| line.contains("/acknowledge/")).unwrap();
        assert!(link.starts_with("http://127.0.0.1:") && !link.ends_with('='), "{link}");
        assert!(Path::new(file).with_extension("eml").exists());
    }
}
