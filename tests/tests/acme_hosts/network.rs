//! Hosts on one machine: network namespaces behind a bridge.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    net::IpAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use stepless_tests::programs;
use tempfile::TempDir;

/// A bridge and the hosts on it. With this value all of it ends: processes, networks, files.
pub(crate) struct Network {
    /// The first process in the namespaces; the others end with it.
    holder: Child,
    folder: TempDir,
}

/// A host of a network.
pub(crate) struct Host<'a> {
    network: &'a Network,
    name: &'static str,
}

/// What a command that ran to its end said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) succeeded: bool,
    /// What it printed, and what it complained about.
    pub(crate) text: String,
}

impl Network {
    /// A bridge without hosts, all of which will ask `name_server` for names.
    pub(crate) fn new(name_server: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("stepless-hosts-")
            .tempdir()
            .expect("a temporary folder can be made");
        fs::write(folder.path().join("resolv.conf"), format!("nameserver {name_server}\n"))
            .expect("the folder is ours");
        // Everybody is root in a user namespace of their own, if the kernel lets them make one.
        let own_user: &[&str] = if is_root() { &[] } else { &["--user", "--map-root-user"] };
        let mut holder = Command::new(programs::installed("unshare"))
            .args(own_user)
            .args(["--net", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child"])
            .args(["--", "sh", "-ec", SWITCH])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare starts");
        let mut ready = [0; READY.len()];
        let said = holder.stdout.as_mut().expect("it was piped").read_exact(&mut ready);
        assert!(
            said.is_ok() && ready == *READY,
            "no namespaces can be made here: the tests between hosts need root with CAP_NET_ADMIN and CAP_SYS_ADMIN, \
             or a kernel that lets everybody make user namespaces"
        );
        Self { holder, folder }
    }

    /// One more host, with these addresses; everybody is in everybody's reach.
    pub(crate) fn host(&self, name: &'static str, addresses: &[IpAddr]) -> Host<'_> {
        let mut script = ADD_HOST.to_owned();
        for address in addresses {
            let (bits, flags) = if address.is_ipv4() { (32, "") } else { (128, "nodad") };
            script.push_str(&format!("there ip addr add {address}/{bits} dev eth0 {flags}\n"));
        }
        for range in REACH {
            script.push_str(&format!("there ip route add {range} dev eth0\n"));
        }
        programs::output(self.inside().arg("sh").arg("-ec").arg(script).arg("sh").arg(name));
        let host = Host { network: self, name };
        let network = |path: &Path| fs::read_link(path).expect("a process has a network");
        let own = host.run(self.path(), "readlink", &["/proc/self/ns/net"]);
        // What a host does to its network must never happen to that of the machine.
        assert_ne!(own.text.trim(), network(Path::new("/proc/self/ns/net")).to_string_lossy());
        host
    }

    /// A folder that is gone with the network.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A command inside the namespaces, in this folder.
    fn inside(&self) -> Command {
        let process = self.holder.id();
        let mut command = Command::new(programs::installed("nsenter"));
        command.args(["--target", &process.to_string(), "--net", "--mount"]);
        // The process itself is outside; its children are not.
        command.arg(format!("--pid=/proc/{process}/ns/pid_for_children"));
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.args(["--", "env", "--chdir"]).arg(self.path()).stdin(Stdio::null());
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // A process that has ended by itself cannot be killed, which is what was asked for.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

impl Host<'_> {
    /// A folder of this host's; made when it is asked for.
    pub(crate) fn home(&self) -> PathBuf {
        let home = self.network.path().join("home").join(self.name);
        fs::create_dir_all(&home).expect("the folder is ours");
        home
    }

    /// `program` on this host, in `folder`, with nothing of the caller's environment but the path. It runs for as long as
    /// the network is there.
    pub(crate) fn service(&self, folder: &Path, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.network.inside();
        command.args(["nsenter".into(), format!("--net=net/{}", self.name)]);
        command.args(["--", "env", "--ignore-environment", "--chdir"]).arg(folder);
        command.arg(format!("HOME={}", folder.display())).arg(format!("PATH={}", path()));
        command.arg(program);
        command
    }

    /// Runs a program on this host to its end.
    pub(crate) fn run(&self, folder: &Path, program: impl AsRef<OsStr>, arguments: &[&str]) -> Said {
        let mut command = self.service(folder, "timeout");
        let output = command
            .args(["--kill-after=5", COMMAND_SECONDS])
            .arg(program)
            .args(arguments)
            .output()
            .expect("nsenter starts");
        let text = [output.stdout, output.stderr].concat();
        Said { succeeded: output.status.success(), text: String::from_utf8_lossy(&text).into_owned() }
    }

    /// As [`Host::run`] in the host's own folder, for a program that has to succeed.
    #[track_caller]
    pub(crate) fn does(&self, program: &str, arguments: &[&str]) -> String {
        let said = self.run(&self.home(), program, arguments);
        assert!(said.succeeded, "{program} {arguments:?} failed on {}:\n{}", self.name, said.text);
        said.text
    }

    /// How many TCP connections this host has tried to open.
    pub(crate) fn connections_opened(&self) -> u64 {
        let text = self.does("cat", &["/proc/net/snmp"]);
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
        let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let place = names.split(' ').position(|name| name == "ActiveOpens");
        let value = place.and_then(|place| values.split(' ').nth(place)).and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("the kernel counts no connections: {text}"))
    }
}

fn is_root() -> bool {
    programs::output(Command::new("id").arg("-u")).starts_with(b"0")
}

fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// What the first process does: names are asked of the network's own server, a bridge, and then it waits for its end,
/// which comes with that of its standard input.
const SWITCH: &str = "\
mount --bind resolv.conf /etc/resolv.conf
ip link add switch type bridge
ip link set switch up
mkdir net
printf ready
exec cat
";

/// What it says when it is done.
const READY: &[u8; 5] = b"ready";

/// A network named `$1`, whose eth0 is on the bridge.
const ADD_HOST: &str = "\
there() { nsenter --net=net/\"$name\" \"$@\"; }
name=$1
touch net/\"$name\"
unshare --net=net/\"$name\" true
ip link add \"$name\" type veth peer name eth0 netns net/\"$name\"
ip link set \"$name\" master switch up
there ip link set lo up
there ip link set eth0 up
";

/// What is on the bridge, seen from every host: private networks, and where clouds keep metadata.
const REACH: [&str; 5] = ["10.77.0.0/16", "192.168.77.0/24", "169.254.0.0/16", "fd77::/64", "fd00:ec2::/64"];

/// Longer than any command takes on a busy machine.
const COMMAND_SECONDS: &str = "60";
