//! PostgreSQL for tests: the server that `SCIMKIT_TEST_POSTGRES_URL` names, else a private one where Debian's binaries are installed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use deadpool_postgres::{Manager, Pool};
use tokio_postgres::{Config, NoTls};

/// A server of its own, in a folder of its own, without a network.
///
/// It and its folder go when the process that started it ends, however it ends.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: PathBuf,
    binaries: PathBuf,
    settings: String,
    /// Waits for the end of its input, which is open as long as this process is, and cleans up then.
    _cleaner: Child,
}

/// Nothing outlives a test, so nothing needs to reach the disk.
const FAST: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off";

impl Cluster {
    /// A server that writes to disk what it says it has written; `None`, and a word on it, where there are no binaries.
    pub(crate) fn durable() -> Option<Self> {
        Self::start("-c fsync=on -c synchronous_commit=on", |_| {})
    }

    /// A server with these settings, started after `prepare` was shown the folder of its data.
    pub(crate) fn start(settings: &str, prepare: impl FnOnce(&Path)) -> Option<Self> {
        let Some(binaries) = binaries() else {
            missing();
            return None;
        };
        let folder = tempfile::Builder::new().prefix("scimkit-postgres").tempdir().unwrap().keep();
        if is_root() {
            assert!(Command::new("chown").arg("postgres:").arg(&folder).status().unwrap().success());
        }
        // What ends all processes of a terminal or of a time limit does not end the one that cleans up.
        let script = r#"trap '' HUP INT TERM; cat >/dev/null; cd /; "$@" -m immediate -s stop; rm -rf "$0""#;
        let mut cleaner = Command::new("sh");
        cleaner.arg("-c").arg(script).arg(&folder).args(user()).arg(binaries.join("pg_ctl")).arg("-D").arg(folder.join("data"));
        let cleaner = cleaner.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let cluster = Self { folder, binaries, settings: settings.to_owned(), _cleaner: cleaner };
        let arguments = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions", "-D"];
        let data = cluster.folder.join("data");
        assert!(cluster.run("initdb", arguments.iter().map(OsStr::new).chain([data.as_os_str()])), "initdb failed");
        prepare(&data);
        if is_root() {
            assert!(Command::new("chown").args(["-R", "postgres:"]).arg(&data).status().unwrap().success());
        }
        cluster.start_again();
        Some(cluster)
    }

    /// Starts the server after it was killed.
    pub(crate) fn start_again(&self) {
        let options = format!("-k {} -c listen_addresses='' -c max_connections=200 {}", self.folder.display(), self.settings);
        let (data, log) = (self.folder.join("data"), self.folder.join("log"));
        // Processes of a server that was killed take a moment to notice.
        for _ in 0..20 {
            let arguments = [OsStr::new("-D"), data.as_os_str(), OsStr::new("-l"), log.as_os_str(), OsStr::new("-w"), OsStr::new("-t")];
            let arguments = arguments.into_iter().chain(["60", "-s", "-o", options.as_str(), "start"].map(OsStr::new));
            if self.run("pg_ctl", arguments) {
                return;
            }
        }
        panic!("the server does not start: {}", std::fs::read_to_string(log).unwrap_or_default());
    }

    /// Kills the server by `SIGKILL`.
    pub(crate) fn kill(&self) {
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    }

    fn run<'a>(&self, binary: &str, arguments: impl Iterator<Item = &'a OsStr>) -> bool {
        let user = user();
        let binary = self.binaries.join(binary);
        let mut words = user.iter().map(OsStr::new).chain([binary.as_os_str()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(arguments).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> String {
        format!("host={} user=postgres dbname=postgres", self.folder.display())
    }
}

/// The newest binaries of the server.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).filter(|path| path.join("bin/initdb").exists()).max_by_key(|path| version(path))?;
    Some(newest.join("bin"))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// The server refuses to run as root.
fn user() -> Vec<&'static str> {
    if is_root() { vec!["runuser", "-u", "postgres", "--"] } else { vec!["env"] }
}

fn missing() {
    assert!(
        std::env::var_os("SCIMKIT_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
        "expected PostgreSQL (SCIMKIT_TEST_POSTGRES_URL, or the binaries of Debian's package), found none"
    );
    eprintln!("not run: there is no PostgreSQL (SCIMKIT_TEST_POSTGRES_URL, or the binaries of Debian's package)");
}

/// The server of all tests of this process; `None`, and a word on it, if there is none.
pub(crate) fn server() -> Option<Config> {
    static SERVER: LazyLock<Option<(Config, Option<Cluster>)>> = LazyLock::new(|| {
        if let Ok(url) = std::env::var("SCIMKIT_TEST_POSTGRES_URL") {
            return Some((url.parse().unwrap(), None));
        }
        let cluster = Cluster::start(FAST, |_| {})?;
        Some((cluster.url().parse().unwrap(), Some(cluster)))
    });
    let server = SERVER.as_ref().map(|(config, _)| config.clone());
    if server.is_none() {
        missing();
    }
    server
}

/// Connections to a server.
pub(crate) fn pool(config: Config, size: usize) -> Pool {
    Pool::builder(Manager::new(config, NoTls)).max_size(size).build().unwrap()
}

/// A schema of a test, which goes when the test ends.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) name: String,
    pub(crate) pool: Pool,
    config: Config,
}

/// A schema that nobody else uses; `None`, and a word on it, if there is no server.
pub(crate) fn schema() -> Option<Schema> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let config = server()?;
    let name = format!("Test \"{}\" {}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    Some(Schema { name, pool: pool(config.clone(), 8), config })
}

impl Drop for Schema {
    fn drop(&mut self) {
        let sql = format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.name.replace('"', "\"\""));
        let config = self.config.clone();
        let drop_schema = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (client, connection) = config.connect(NoTls).await.unwrap();
                tokio::spawn(connection);
                // A test that failed may have left a transaction open.
                client.batch_execute("SET lock_timeout = '10s'").await.unwrap();
                client.batch_execute(&sql).await.unwrap();
            });
        };
        drop(std::thread::spawn(drop_schema).join());
    }
}
