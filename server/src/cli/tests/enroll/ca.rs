//! An outside CA: the mock server of the `openssl cmp` command, as a process of its own, and a
//! relay in front of it that can change or repeat its answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// How long the command has to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory with a CA, a unit's request and the certificate for it, and secrets.
pub(super) struct Desk {
    directory: TempDir,
}

impl Desk {
    pub(super) fn new() -> Self {
        let desk = Self { directory: TempDir::new().unwrap() };
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let root = ["req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30"];
        desk.openssl(&[&root[..], &curve, &["-subj", "/C=IT/CN=Outside CA"]].concat());
        for unit in ["tsu", "other"] {
            let (key, csr) = (format!("{unit}.key"), format!("{unit}.csr"));
            let subject = format!("/C=IT/CN={unit}");
            let request = ["req", "-keyout", &key, "-out", &csr, "-subj", &subject];
            desk.openssl(&[&request[..], &curve].concat());
            let certificate = format!("{unit}.pem");
            desk.openssl(&[
                "x509",
                "-req",
                "-in",
                &csr,
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-days",
                "20",
                "-out",
                &certificate,
            ]);
        }
        desk.write("secret", "geheim\n", 0o600);
        desk.write("open", "geheim\n", 0o644);
        desk
    }

    fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        let ended = command.args(arguments).current_dir(self.directory.path()).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

/// The mock server. It ends with the test, and by itself after some messages.
pub(super) struct Mock {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
    reader: JoinHandle<()>,
}

impl Mock {
    /// A CA that shares `secret`, and does what the further options say.
    pub(super) fn with_secret(desk: &Desk, secret: &str, options: &[&str]) -> Self {
        let secret = format!("pass:{secret}");
        let own = ["-srv_ref", "4711", "-srv_secret", &secret];
        Self::start(desk, &[&own, options].concat())
    }

    pub(super) fn start(desk: &Desk, options: &[&str]) -> Self {
        let log = desk.path("mock.log");
        let mut child = Command::new("openssl")
            .args(["cmp", "-config", "", "-port", "0", "-max_msgs", "8", "-verbosity", "8"])
            .args(options)
            .current_dir(desk.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (said, heard) = mpsc::channel();
        let mut all = std::fs::File::options().append(true).open(&log).unwrap();
        let reader = std::thread::spawn(move || {
            // "ACCEPT [::]:40123 PID=17": where it listens. The rest is its log.
            let port = lines.find_map(|line| {
                line.strip_prefix("ACCEPT ")?.split(' ').next()?.rsplit(':').next()?.parse().ok()
            });
            said.send(port).ok();
            for line in lines {
                writeln!(all, "{line}").ok();
            }
        });
        let port: Option<u16> = heard.recv_timeout(PATIENCE).ok().flatten();
        let Some(port) = port else {
            child.kill().ok();
            panic!("openssl cmp does not listen: {}", std::fs::read_to_string(&log).unwrap());
        };
        Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), log, reader }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/pkix/", self.address)
    }

    /// The command's log, after it was ended.
    pub(super) fn end(mut self) -> String {
        self.child.kill().ok();
        self.child.wait().unwrap();
        // The process is gone, so its output ends.
        while !self.reader.is_finished() {
            std::thread::yield_now();
        }
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// One HTTP answer of a CA.
pub(super) struct Carried {
    pub(super) status: u16,
    pub(super) media_type: &'static str,
    pub(super) body: Vec<u8>,
}

/// What a relay does to an answer: it gets the answers so far, the newest last.
type Change = fn(&[Vec<u8>]) -> Carried;

/// A CMP message as it is.
pub(super) fn carried(body: Vec<u8>) -> Carried {
    Carried { status: 200, media_type: "application/pkixcmp", body }
}

/// Stands between the command line and the mock server.
pub(super) struct Relay {
    address: SocketAddr,
}

impl Relay {
    pub(super) fn start(upstream: Option<&Mock>, change: Change) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = upstream.map(|mock| mock.address);
        std::thread::spawn(move || {
            let mut answers = Vec::new();
            for stream in listener.incoming().flatten() {
                relay(stream, upstream, &mut answers, change).ok();
            }
        });
        Self { address }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

fn relay(
    mut stream: TcpStream,
    upstream: Option<SocketAddr>,
    answers: &mut Vec<Vec<u8>>,
    change: Change,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let (_, body) = read_message(&mut stream)?;
    if let Some(address) = upstream {
        let mut mock = TcpStream::connect(address)?;
        mock.set_read_timeout(Some(PATIENCE))?;
        let head = format!(
            "POST / HTTP/1.0\r\nContent-Type: application/pkixcmp\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        mock.write_all(head.as_bytes())?;
        mock.write_all(&body)?;
        answers.push(read_message(&mut mock)?.1);
    }
    let answer = change(answers);
    let head = format!(
        "HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.status,
        answer.media_type,
        answer.body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&answer.body)
}

/// Head and body of an HTTP message that tells its length.
fn read_message(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            break;
        }
    }
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok((head, body))
}

/// Where a file is, as an argument.
pub(super) fn argument(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
