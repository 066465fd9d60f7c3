//! The functions, the table and the keys of template.yaml, deployed for one authority.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Command,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use stepless_core::secret::SecretBytes;
use stepless_localstack::{
    ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY,
    clock::FakeClock,
    gateway::{Gateway, Shape},
    queue::QueuePoller,
    resources::{self, Emulators, Resources},
    runtime::{Between, Function, FunctionSettings, Overload, Reaper},
    template::{Route, Template},
};
use stepless_net::{Limits, ServerCertificate, TlsSettings, TlsVersions};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{RUNTIME, Table, fake_clock, issuer, ministack};
use crate::{CaFolder, Csr, Key, KeyKind, Token, asn1::unpem, csr::San, programs};

/// How functions are deployed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Variables in the environment of every function.
    pub environment: Vec<(String, String)>,
    /// More flags of `stepless init` (`--acme`).
    pub init: Vec<String>,
    /// The time of day of every function; ours if there is none.
    pub clock: Option<Arc<FakeClock>>,
    /// Most processes of one function at a time; requests above that wait.
    pub concurrency: usize,
    /// Events are handed to functions by [`Deployment::invoke`] alone: there is no gateway.
    pub invoked_only: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { environment: Vec::new(), init: Vec::new(), clock: None, concurrency: FEW, invoked_only: false }
    }
}

/// Functions, and a gateway before them; they end with this value. The order of the members is that of their end.
#[derive(Debug)]
pub struct Deployment {
    gateway: Option<Listening>,
    functions: Vec<(String, Function, Vec<Route>)>,
    _queues: Vec<QueuePoller>,
    plan: Plan,
    identity: Option<Identity>,
    logs: TempDir,
}

/// What a deployment is made of, again after a restart.
#[derive(Debug)]
struct Plan {
    template: Template,
    resources: Resources,
    table: Table,
    options: Options,
}

/// What the gateway shows of itself, and whom it lets in with a client certificate.
#[derive(Debug)]
struct Identity {
    chain: Vec<Vec<u8>>,
    key: Key,
    client_trust: Vec<Vec<u8>>,
}

impl Deployment {
    /// An authority that `stepless init` makes in KMS and in the table. In the folder is what its operator keeps: root
    /// certificate, configuration, password.
    pub fn of_stepless_init(options: &Options) -> (Self, CaFolder) {
        let plan = Plan::new(options);
        let folder = CaFolder::empty_with_password();
        fs::create_dir_all(folder.path().join("certs")).expect("the folder is ours");
        fs::create_dir_all(folder.path().join("config")).expect("the folder is ours");
        // Functions with a clock of their own must find valid what is made here, however far back that is set.
        let long_ago = options.clock.as_ref().map(|_| fake_clock(-3600));
        programs::output(
            Command::new(programs::stepless())
                .envs(long_ago.iter().flat_map(FakeClock::environment))
                .args(["init", "--name", "Test CA", "--dns", "localhost,127.0.0.1", "--provisioner", "admin"])
                .args(["--kms", "awskms:", "--store", &format!("dynamodb:{}", plan.resources.table)])
                .args(["--root-key", &format!("awskms:key-id={}", plan.alias("root"))])
                .args(["--issuer-key", &format!("awskms:key-id={}", plan.alias("issuer"))])
                .arg("--password-file")
                .arg(folder.password_file())
                .arg("--root-out")
                .arg(folder.path().join("certs/root_ca.crt"))
                .args(&options.init)
                .envs(emulated()),
        );
        let configuration = plan.table.configuration();
        let text = serde_json::to_string_pretty(&configuration).expect("a JSON value has a text");
        fs::write(folder.config_path(), text).expect("the folder is ours");
        let issuer = configuration["crt"].as_str().expect("the issuer is in the configuration").to_owned();
        (Self::start(plan, &folder, &issuer), folder)
    }

    /// The authority of a folder of `step ca init`, whose issuer gets a key in KMS in the place of the one in the
    /// folder, which is removed.
    pub fn of_folder(folder: &CaFolder, options: &Options) -> Self {
        let plan = Plan::new(options);
        let kms = ministack().endpoint();
        let configuration = issuer::move_to_kms(folder, kms, &plan.alias("issuer"), &plan.resources.table);
        plan.table.put_configuration(&configuration);
        Self::start(plan, folder, &folder.read("certs/intermediate_ca.crt"))
    }

    fn start(plan: Plan, folder: &CaFolder, issuer: &str) -> Self {
        let logs = tempfile::Builder::new()
            .prefix("stepless-functions-")
            .tempdir()
            .expect("a temporary folder can be made");
        let functions = plan.functions(logs.path());
        let queues = plan.queues(&functions);
        let mut deployment = Self { gateway: None, functions, _queues: queues, plan, identity: None, logs };
        if !deployment.plan.options.invoked_only {
            deployment.identity = Some(deployment.endpoint_certificate(folder, issuer));
            deployment.open();
        }
        deployment
    }

    /// Runs a command of `stepless acme` on the table; gives what it prints.
    pub fn stepless_acme(&self, arguments: &[&str]) -> Value {
        let printed = programs::output(
            Command::new(programs::stepless())
                .arg("acme")
                .args(arguments)
                .args(["--json", "--config", &format!("dynamodb:{}", self.plan.resources.table)])
                .envs(emulated()),
        );
        serde_json::from_slice(&printed).expect("it prints JSON")
    }

    /// `https://localhost:<port>`.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address().port())
    }

    /// Where the gateway listens.
    pub fn address(&self) -> SocketAddr {
        self.gateway.as_ref().map_or(NOWHERE, |gateway| gateway.address)
    }

    /// Everything the functions have written so far.
    pub fn log(&self) -> String {
        let files = fs::read_dir(self.logs.path()).expect("the folder is ours");
        let mut paths: Vec<_> = files.map(|file| file.expect("the folder is ours").path()).collect();
        paths.sort();
        paths.iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect()
    }

    /// Where all state is.
    pub fn table(&self) -> &Table {
        &self.plan.table
    }

    /// Ends gateway and functions as a power cut would. Others take their place, at another address and on the same
    /// table.
    pub fn restart(&mut self) {
        self.kill_functions();
        self.gateway = None;
        self.functions = self.plan.functions(self.logs.path());
        self._queues = self.plan.queues(&self.functions);
        self.open();
    }

    /// Kills every process of every function, whatever it is at.
    pub fn kill_functions(&self) {
        let begin = Instant::now();
        // Again and again: a process between two invocations is neither busy nor idle for a moment.
        loop {
            for (_, function, _) in &self.functions {
                function.kill_busy();
                function.retire_idle();
            }
            let left = self.all_processes();
            if left.is_empty() {
                return;
            }
            assert!(begin.elapsed() < super::LIMIT, "{left:?} are still there");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Stops the processes that are at work, as a frozen sandbox is.
    pub fn stop_functions(&self) -> Asleep {
        let busy = self.functions.iter().flat_map(|(_, function, _)| function.processes());
        let busy: Vec<u32> = busy.filter(|process| process.busy).map(|process| process.pid).collect();
        assert!(!busy.is_empty(), "no function is at work");
        signal("STOP", &busy);
        Asleep(busy)
    }

    /// The ids of the processes of a function (`sign`, `renew`, ...).
    pub fn processes(&self, function: &str) -> Vec<u32> {
        self.function(function).processes().iter().map(|process| process.pid).collect()
    }

    /// Hands an event to a function (`sign`, `renew`, ...); gives its answer.
    ///
    /// # Errors
    /// What Lambda says when the function did not answer.
    pub fn try_invoke(&self, function: &str, event: &Value) -> Result<Value, String> {
        let answer = RUNTIME.block_on(self.function(function).invoke(event.to_string().into()));
        let answer = answer.map_err(|error| error.to_string())?;
        Ok(serde_json::from_slice(&answer).expect("functions answer with JSON"))
    }

    /// As [`Deployment::try_invoke`], for an event that has to be answered.
    pub fn invoke(&self, function: &str, event: &Value) -> Value {
        self.try_invoke(function, event).unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    fn function(&self, name: &str) -> &Function {
        let binary = format!("stepless-{name}");
        let found = self.functions.iter().find(|(found, ..)| *found == binary);
        &found.unwrap_or_else(|| panic!("template.yaml has no function {binary}")).1
    }

    fn all_processes(&self) -> Vec<u32> {
        self.functions
            .iter()
            .flat_map(|(_, function, _)| function.processes())
            .map(|process| process.pid)
            .collect()
    }

    /// The endpoint's own certificate, issued by its own authority, as an operator would ask for it.
    fn endpoint_certificate(&self, folder: &CaFolder, issuer: &str) -> Identity {
        let (admin, key) = (folder.admin_key(), Key::generate(KeyKind::P256));
        let csr = Csr::new("localhost", &[San::Dns("localhost"), San::Ip(&[127, 0, 0, 1])]).pem(&key);
        let id = format!("endpoint-{}", self.plan.resources.table);
        let now = jiff::Timestamp::now().as_second();
        let token = Token::new(&admin, "admin", "https://localhost/1.0/sign", "localhost", &id, now)
            .with("sans", vec!["localhost", "127.0.0.1"])
            .sign(&admin);
        let event = json!({
            "version": "2.0",
            "rawPath": "/1.0/sign",
            "headers": {"content-type": "application/json"},
            "requestContext": {"http": {"method": "POST"}, "domainName": "localhost", "stage": "$default"},
            "body": json!({"csr": csr, "ott": token}).to_string(),
            "isBase64Encoded": false,
        });
        let answer = self.invoke("sign", &event);
        let body: Value =
            serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default();
        let chain: Vec<Vec<u8>> = body["certChain"]
            .as_array()
            .unwrap_or_else(|| panic!("no certificate for the endpoint: {answer}\n{}", self.log()))
            .iter()
            .filter_map(Value::as_str)
            .flat_map(unpem)
            .collect();
        let client_trust = unpem(&folder.root_pem()).into_iter().chain(unpem(issuer)).collect();
        Identity { chain, key, client_trust }
    }

    fn open(&mut self) {
        let identity = self.identity.as_ref().expect("a deployment with a gateway has a certificate");
        let key = SecretBytes::new(identity.key.pkcs8().to_vec());
        let certificate =
            ServerCertificate::new(identity.chain.clone(), &key).expect("the key is the leaf's");
        let tls = TlsSettings {
            certificate,
            client_trust: identity.client_trust.clone(),
            versions: TlsVersions::Tls12AndTls13,
            tls12_suites: Vec::new(),
        };
        let functions = self.functions.iter();
        let functions = functions.map(|(_, function, routes)| (function.clone(), routes.clone())).collect();
        let router = Gateway::new(Shape::HttpApi, functions).router();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let server = RUNTIME.spawn(async move {
            let served =
                stepless_net::serve(router, listener, &tls, &Limits::STANDARD, std::future::pending()).await;
            served.expect("the gateway serves");
        });
        self.gateway = Some(Listening { address, server });
    }
}

impl Plan {
    /// The table and the keys of the template, made in the emulators under a name of their own.
    fn new(options: &Options) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let stack = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let text = fs::read_to_string(path).expect("the template is in the repository");
        let template = Template::read(&text, &stack, &[]).unwrap_or_else(|error| panic!("{error}"));
        let endpoint = ministack().endpoint();
        let resources = resources::create(&template, &stack, Emulators::all(endpoint))
            .unwrap_or_else(|error| panic!("the emulators do not make what the template asks for: {error}"));
        let table = Table::new(endpoint, &resources.table);
        Self { template, resources, table, options: options.clone() }
    }

    /// The alias of a key (`root`, `issuer`).
    fn alias(&self, role: &str) -> String {
        let keys = self.template.keys().expect("the template has keys");
        let mut aliases = keys.into_iter().flat_map(|key| key.aliases);
        aliases
            .find(|alias| alias.ends_with(role))
            .unwrap_or_else(|| panic!("the template has no {role} key"))
    }

    fn functions(&self, logs: &Path) -> Vec<(String, Function, Vec<Route>)> {
        let functions =
            self.template.functions(&self.resources.names).unwrap_or_else(|error| panic!("{error}"));
        // The others are called by nobody here.
        let functions = functions
            .into_iter()
            .filter(|function| !function.routes.is_empty() || !function.queues.is_empty())
            .map(|function| {
                let mut environment: BTreeMap<String, String> = function.environment;
                environment.extend(emulated());
                environment.extend(self.options.environment.iter().cloned());
                environment.extend(self.options.clock.iter().flat_map(|clock| clock.environment()));
                let settings = FunctionSettings {
                    name: function.name,
                    program: programs::built(&function.binary),
                    environment,
                    timeout: function.timeout,
                    memory: function.memory,
                    concurrency: self.options.concurrency,
                    overload: Overload::Wait,
                    between: Between::Frozen,
                    log: logs.join(format!("{}.log", function.binary)),
                };
                (function.binary, Function::new(settings, REAPER.clone()), function.routes)
            });
        functions.collect()
    }

    /// What calls functions beside the gateway.
    fn queues(&self, functions: &[(String, Function, Vec<Route>)]) -> Vec<QueuePoller> {
        let _runtime = RUNTIME.enter();
        let described =
            self.template.functions(&self.resources.names).unwrap_or_else(|error| panic!("{error}"));
        let sources = described.into_iter().flat_map(|function| {
            function.queues.into_iter().map(move |source| (function.binary.clone(), source))
        });
        let pollers = sources.map(|(binary, source)| {
            let url = &self.resources.queues[&source.arn];
            let (_, function, _) =
                functions.iter().find(|(name, ..)| *name == binary).expect("it is deployed");
            QueuePoller::start(ministack().endpoint(), url, source, function.clone())
        });
        pollers.collect()
    }
}

/// Functions that were stopped.
#[derive(Debug)]
pub struct Asleep(Vec<u32>);

impl Asleep {
    /// Lets them go on.
    pub fn wake(self) {
        signal("CONT", &self.0);
    }
}

#[derive(Debug)]
struct Listening {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!(
                "the functions' logs ended with:\n{}",
                lines[lines.len().saturating_sub(30)..].join("\n")
            );
        }
    }
}

/// Where programs find AWS.
fn emulated() -> [(String, String); 5] {
    [
        ("AWS_ENDPOINT_URL", ministack().url().as_str()),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn signal(name: &str, processes: &[u32]) {
    programs::output(Command::new("kill").arg(format!("-{name}")).args(processes.iter().map(u32::to_string)));
}

/// Ends the functions when this process is killed.
static REAPER: LazyLock<Reaper> = LazyLock::new(|| Reaper::start().expect("there is a shell"));

/// Processes of a function where a test does not say how many: enough to be many, and few for a machine of two cores.
const FEW: usize = 8;

/// The address of a gateway that is not there.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
