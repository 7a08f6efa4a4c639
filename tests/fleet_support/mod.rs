//! A genuine ClickHouse server on loopback, with its own configuration and folders, gone when the test ends.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test that asked for it")]

pub(crate) mod sensor;

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nightaudit::ledger::fleet::{Address, Secret, Server};
use tempfile::TempDir;

/// The password of the fixture's only user.
pub(crate) const PASSWORD: &str = "open sesame";

/// One or several servers that form the cluster `fleet`.
pub(crate) struct Engine {
    pub(crate) nodes: Vec<Node>,
    _folder: TempDir,
}

/// One server.
pub(crate) struct Node {
    folder: PathBuf,
    http: u16,
    process: Option<Child>,
}

fn binary() -> Option<PathBuf> {
    ["/usr/sbin/clickhouse-server", "/usr/bin/clickhouse-server"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.is_file())
}

fn free_ports(count: usize) -> Vec<u16> {
    let held: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    held.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

impl Engine {
    /// `shards` servers; `None`, said loudly, where the server is not installed.
    pub(crate) fn start(shards: usize) -> Option<Self> {
        Self::start_at(shards, "127.0.0.1", None)
    }

    /// The same, listening on `address`; the data lies in `disk`, or in a folder of its own.
    pub(crate) fn start_at(shards: usize, address: &str, disk: Option<&Path>) -> Option<Self> {
        let Some(binary) = binary() else {
            crate::support::skipped("no clickhouse-server here; scripts/setup-tests installs Debian's");
            return None;
        };
        let folder = disk.map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap();
        let ports = free_ports(shards * 3);
        let cluster: Vec<String> = ports.chunks(3).map(|ports| shard(ports[1])).collect();
        let cluster = cluster.concat();
        let mut nodes = Vec::new();
        for n in 0..shards {
            let own = folder.path().join(n.to_string());
            fs::create_dir_all(own.join("tmp")).unwrap();
            configure(&own, &ports[n * 3..n * 3 + 3], &cluster, address);
            nodes.push(Node { folder: own, http: ports[n * 3], process: None });
        }
        let mut engine = Self { nodes, _folder: folder };
        for node in &mut engine.nodes {
            node.start(&binary);
        }
        Some(engine)
    }

    /// A connection to the first server, with the right password.
    pub(crate) fn server(&self) -> Server {
        self.nodes[0].server(PASSWORD)
    }
}

impl Node {
    fn start(&mut self, binary: &Path) {
        let log = fs::File::create(self.folder.join("out")).unwrap();
        let process = Command::new(binary)
            .arg(format!("--config-file={}", self.folder.join("config.xml").display()))
            .current_dir(&self.folder)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.http)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not come up: {}", self.complaints());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts it again after [`Node::kill`].
    pub(crate) fn restart(&mut self) {
        let Some(binary) = binary() else { panic!("the server has gone") };
        self.start(&binary);
    }

    /// Ends it at once, whatever it is doing.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // A process that has ended by itself cannot be killed.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// A connection to it.
    pub(crate) fn server(&self, password: &str) -> Server {
        Server::new(Address::new(&self.url(), "default", Secret(password.to_owned())).unwrap())
    }

    /// Where it listens for HTTP.
    pub(crate) fn port(&self) -> u16 {
        self.http
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/nightaudit", self.http)
    }

    /// What it answers to `sql`, asked beside our own client.
    pub(crate) fn ask(&self, sql: &str) -> String {
        self.try_ask(sql).unwrap_or_else(|said| panic!("{sql}: {said}"))
    }

    /// What it answers, or how it complains.
    pub(crate) fn try_ask(&self, sql: &str) -> Result<String, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent
            .post(format!("http://127.0.0.1:{}/", self.http))
            .header("X-ClickHouse-User", "default")
            .header("X-ClickHouse-Key", PASSWORD)
            .send(sql)
            .map_err(|error| error.to_string())?;
        let text = answer.body_mut().read_to_string().unwrap();
        if answer.status() == 200 { Ok(text.trim().to_owned()) } else { Err(text) }
    }

    fn complaints(&self) -> String {
        fs::read_to_string(self.folder.join("out")).unwrap_or_default()
            + &fs::read_to_string(self.folder.join("err")).unwrap_or_default()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn shard(port: u16) -> String {
    let replica =
        format!("<host>127.0.0.1</host><port>{port}</port><user>default</user><password>{PASSWORD}</password>");
    format!("<shard><replica>{replica}</replica></shard>")
}

fn configure(folder: &Path, ports: &[u16], cluster: &str, address: &str) {
    let path = folder.display();
    let [http, tcp, between] = ports else { panic!("three ports a server") };
    let config = format!(
        "<?xml version=\"1.0\"?><yandex>
        <logger><level>warning</level><log>{path}/log</log><errorlog>{path}/err</errorlog></logger>
        <http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><interserver_http_port>{between}</interserver_http_port>
        <listen_host>{address}</listen_host><timezone>UTC</timezone>
        <path>{path}/</path><tmp_path>{path}/tmp/</tmp_path>
        <users_config>{path}/users.xml</users_config><default_profile>default</default_profile>
        <default_database>default</default_database><mark_cache_size>67108864</mark_cache_size>
        <remote_servers><fleet>{cluster}</fleet></remote_servers></yandex>"
    );
    fs::write(folder.join("config.xml"), config).unwrap();
    let from = if address == "127.0.0.1" { address } else { "::/0" };
    let users = format!(
        "<?xml version=\"1.0\"?><yandex><profiles><default><max_memory_usage>1500000000</max_memory_usage></default>
        <reading><readonly>2</readonly></reading></profiles><users><default><password>{PASSWORD}</password>
        <networks><ip>{from}</ip></networks><profile>default</profile><quota>default</quota></default>
        <reader><password>{PASSWORD}</password><networks><ip>{from}</ip></networks><profile>reading</profile>
        <quota>default</quota></reader></users><quotas><default/></quotas></yandex>"
    );
    fs::write(folder.join("users.xml"), users).unwrap();
}
