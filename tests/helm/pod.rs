//! A rendered pod as processes of this machine, by the kubelet's rules: volumes from ConfigMaps and Secrets, environment,
//! order of start, probes, hooks, and the order of the end. No images: a container without a command is the sidecar.
//! https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_yaml::Value;
use tempfile::TempDir;

use super::cases::list;
use super::chart::{Rendered, name};
use crate::harness::{DEADLINE, Process};

/// As the pod's own address: who listens on 127.0.0.1 alone can't be reached there, who listens on all can.
pub(super) const POD_IP: &str = "127.0.0.2";

const BINARY: &str = env!("CARGO_BIN_EXE_redis-sidecar");

/// Where that is in the image.
const IN_THE_IMAGE: &str = "/redis-sidecar";

/// What a Secret of this name has under this key.
pub(super) type Secrets<'a> = &'a dyn Fn(&str, &str) -> String;

/// A pod; its processes are killed on drop.
pub(super) struct Pod {
    spec: Value,
    dir: TempDir,
    /// Where each container's volumes are mounted, and where that is here.
    mounts: BTreeMap<String, PathBuf>,
    /// Each container's environment.
    env: BTreeMap<String, Vec<(String, String)>>,
    processes: BTreeMap<String, Process>,
}

/// How a container ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) container: String,
    /// `None` when it had to be killed.
    pub(super) code: Option<i32>,
}

impl Pod {
    /// The only pod of what was rendered, nothing started.
    pub(super) fn new(rendered: &Rendered, secrets: Secrets<'_>) -> Self {
        let pods = rendered.pods();
        assert_eq!(pods.len(), 1, "{}", rendered.text);
        Self::of(rendered, pods[0].1, secrets)
    }

    /// One of the pods.
    pub(super) fn of(rendered: &Rendered, template: &Value, secrets: Secrets<'_>) -> Self {
        let spec = template["spec"].clone();
        let mut pod = Self {
            spec,
            dir: TempDir::new().unwrap(),
            mounts: BTreeMap::new(),
            env: BTreeMap::new(),
            processes: BTreeMap::new(),
        };
        pod.mount(rendered, secrets);
        for container in pod.containers() {
            let env = list(&container["env"]).iter().map(|variable| {
                let secret = &variable["valueFrom"]["secretKeyRef"];
                let value = match (variable["value"].as_str(), secret["name"].as_str()) {
                    (Some(value), _) => value.to_owned(),
                    (None, Some(name)) => secrets(name, secret["key"].as_str().unwrap()),
                    (None, None) => "from elsewhere".to_owned(),
                };
                (variable["name"].as_str().unwrap().to_owned(), value)
            });
            pod.env.insert(text(&container["name"]), env.collect());
        }
        pod
    }

    /// All containers, in the order of their start.
    fn containers(&self) -> Vec<Value> {
        let lists = [&self.spec["initContainers"], &self.spec["containers"]];
        lists.into_iter().flat_map(list).cloned().collect()
    }

    /// The container that is the sidecar.
    pub(super) fn sidecar(&self) -> Value {
        let is_sidecar = |container: &Value| list(&container["args"]).contains(&"--config".into());
        self.containers().into_iter().find(is_sidecar).unwrap()
    }

    /// Takes this out of the sidecar's container, to see what happens without it.
    pub(super) fn without(mut self, field: &str) -> Self {
        for kind in ["initContainers", "containers"] {
            let containers = self.spec[kind].as_sequence_mut().into_iter().flatten();
            for container in containers.filter(|it| it["args"][0] == "--config") {
                container.as_mapping_mut().unwrap().remove(field).unwrap();
            }
        }
        self
    }

    /// Lays out what is mounted, as files of the names and modes that the kubelet gives them.
    fn mount(&mut self, rendered: &Rendered, secrets: Secrets<'_>) {
        let paths: BTreeMap<String, String> = self
            .containers()
            .iter()
            .flat_map(|container| list(&container["volumeMounts"]).to_vec())
            .map(|mount| (text(&mount["name"]), text(&mount["mountPath"])))
            .collect();
        for volume in list(&self.spec["volumes"]).to_vec() {
            let volume_name = text(&volume["name"]);
            let here = self.dir.path().join(&volume_name);
            fs::create_dir(&here).unwrap();
            let there = paths[&volume_name].clone();
            for source in list(&volume["projected"]["sources"]) {
                for (file, content) in projected(source, rendered, secrets) {
                    // There are no mounts here: what names its place in the pod is told where it is instead.
                    let content = content.replace(&there, &here.display().to_string());
                    fs::write(here.join(&file), content).unwrap();
                    let mode = volume["projected"]["defaultMode"].as_u64().unwrap();
                    let mode = fs::Permissions::from_mode(u32::try_from(mode).unwrap());
                    fs::set_permissions(here.join(&file), mode).unwrap();
                }
            }
            self.mounts.insert(there, here);
        }
    }

    /// A command line of a container, as it runs here.
    fn command(&self, container: &str, words: &[String]) -> Command {
        let mut words = words.iter().map(|word| {
            let place = self.mounts.iter().find(|(there, _)| word.starts_with(there.as_str()));
            place.map_or_else(
                || word.clone(),
                |(there, here)| word.replacen(there.as_str(), &here.display().to_string(), 1),
            )
        });
        let program = words.next().unwrap();
        let program = if program == IN_THE_IMAGE { BINARY } else { &program };
        let mut command = Command::new(program);
        command.args(words).current_dir(self.dir.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.env[container].iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs the sidecar's binary to its end with the sidecar's arguments and environment: code, both outputs.
    pub(super) fn run_sidecar(&self, command: &str) -> (Option<i32>, String) {
        let args: Vec<String> = list(&self.sidecar()["args"]).iter().map(text).collect();
        let args = args.iter().filter(|word| *word != command).map(String::as_str);
        self.exec(&[&[IN_THE_IMAGE, command], &args.collect::<Vec<_>>()[..]].concat().join(" "))
    }

    /// `kubectl exec` into the sidecar's container: code, both outputs.
    pub(super) fn exec(&self, line: &str) -> (Option<i32>, String) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let output = self.command(&text(&self.sidecar()["name"]), &words).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    /// Starts all, one after the other, as the kubelet does, and waits until they have.
    #[track_caller]
    pub(super) fn start(&mut self) {
        for container in self.containers() {
            let container_name = text(&container["name"]);
            let mut words: Vec<String> = list(&container["command"]).iter().map(text).collect();
            if words.is_empty() {
                words.push(IN_THE_IMAGE.to_owned());
            }
            words.extend(list(&container["args"]).iter().map(text));
            let process = self.launch(&container_name, &words);
            self.processes.insert(container_name.clone(), process);
            if let Some(hook) = container["lifecycle"].get("postStart") {
                assert!(
                    self.act(&container_name, hook),
                    "postStart: {}",
                    self.log(&container_name)
                );
            }
            if container["restartPolicy"] == "Always" && container.get("startupProbe").is_some() {
                self.wait_for_startup(&container);
            }
        }
    }

    /// Starts a container's process, its output in a file.
    fn launch(&self, container: &str, words: &[String]) -> Process {
        let log = fs::File::create(self.log_file(container)).unwrap();
        let command = self.command(container, words);
        Process::start(&command.get_program().to_string_lossy(), |child| {
            child.args(command.get_args()).env_clear().current_dir(self.dir.path());
            child.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            child.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        })
    }

    /// Asks the startup probe as often as it may fail.
    #[track_caller]
    fn wait_for_startup(&mut self, container: &Value) {
        let probe = &container["startupProbe"];
        let container_name = text(&container["name"]);
        for _ in 0..probe["failureThreshold"].as_u64().unwrap() {
            if self.probe(container, "startupProbe") {
                return;
            }
            assert!(
                self.processes.get_mut(&container_name).unwrap().is_running(),
                "{container_name} ended: {}",
                self.log(&container_name)
            );
            thread::sleep(Duration::from_secs(probe["periodSeconds"].as_u64().unwrap()) / 4);
        }
        panic!("{container_name} did not start: {}", self.log(&container_name));
    }

    /// Whether a probe of a container succeeds now.
    pub(super) fn probe(&self, container: &Value, probe: &str) -> bool {
        let probe = &container[probe];
        let Some(get) = probe.get("httpGet") else {
            return self.act(&text(&container["name"]), probe);
        };
        let mut ports = list(&container["ports"]).iter();
        let port = ports.find(|port| port["name"] == get["port"]).unwrap();
        let port = u16::try_from(port["containerPort"].as_u64().unwrap()).unwrap();
        let status = http(port, &format!("GET {}", get["path"].as_str().unwrap()));
        status.is_some_and(|status| (200..400).contains(&status))
    }

    /// Runs what a hook or a probe says within the container: whether it succeeds.
    fn act(&self, container: &str, action: &Value) -> bool {
        if let Some(seconds) = action["sleep"]["seconds"].as_u64() {
            thread::sleep(Duration::from_secs(seconds));
            return true;
        }
        let words: Vec<String> = list(&action["exec"]["command"]).iter().map(text).collect();
        assert!(!words.is_empty(), "{action:?}");
        let output = self.command(container, &words).output().unwrap();
        output.status.success()
    }

    /// Ends the pod, as when it is deleted. All containers that are no native sidecars: preStop, then SIGTERM, at once.
    /// When they have ended, the native sidecars. After terminationGracePeriodSeconds in all whoever is left is killed.
    pub(super) fn terminate(&mut self) -> Vec<End> {
        let grace = self.spec["terminationGracePeriodSeconds"].as_u64().unwrap();
        let deadline = Instant::now() + Duration::from_secs(grace);
        let mut ends = Vec::new();
        let (native, others): (Vec<Value>, Vec<Value>) =
            self.containers().into_iter().partition(|it| it["restartPolicy"] == "Always");
        for turn in [others, native] {
            let mut processes: Vec<(Value, Process)> = Vec::new();
            for container in turn {
                let process = self.processes.remove(&text(&container["name"])).unwrap();
                processes.push((container, process));
            }
            let pod = &*self;
            thread::scope(|scope| {
                let endings = processes.into_iter().map(|(container, process)| {
                    scope.spawn(move || pod.end(&container, process, deadline))
                });
                let endings: Vec<_> = endings.collect();
                ends.extend(endings.into_iter().map(|ending| ending.join().unwrap()));
            });
        }
        ends
    }

    fn end(&self, container: &Value, mut process: Process, deadline: Instant) -> End {
        let container_name = text(&container["name"]);
        if let Some(hook) = container["lifecycle"].get("preStop") {
            self.act(&container_name, hook);
        }
        if process.is_running() {
            process.signal("TERM");
        }
        while process.is_running() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        let code = if process.is_running() { None } else { process.wait() };
        End { container: container_name, code }
    }

    /// Waits until a process has ended by itself.
    pub(super) fn wait(&mut self, container: &str) -> Option<i32> {
        self.processes.get_mut(container).unwrap().wait()
    }

    pub(super) fn log(&self, container: &str) -> String {
        fs::read_to_string(self.log_file(container)).unwrap()
    }

    fn log_file(&self, container: &str) -> PathBuf {
        self.dir.path().join(format!("{container}.log"))
    }
}

/// The status that the pod answers with by HTTP at its own address; `None` where nobody listens.
pub(super) fn http(port: u16, line: &str) -> Option<u16> {
    let mut socket = TcpStream::connect((POD_IP, port)).ok()?;
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("{line} HTTP/1.1\r\nHost: {POD_IP}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// Names and contents of the files that one source of a projected volume gives.
fn projected(source: &Value, rendered: &Rendered, secrets: Secrets<'_>) -> Vec<(String, String)> {
    let (kind, source) = match source.get("configMap") {
        Some(source) => ("configMap", source),
        None => ("secret", &source["secret"]),
    };
    let owner = text(&source["name"]);
    let own =
        rendered.of_kind("ConfigMap").find(|object| kind == "configMap" && name(object) == owner);
    let files = list(&source["items"]).iter().map(|item| {
        let (key, path) = (text(&item["key"]), text(&item["path"]));
        let content = match own {
            Some(object) => text(&object["data"][key.as_str()]),
            None => secrets(&owner, &key),
        };
        (path, content)
    });
    files.collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value:?}")).to_owned()
}
