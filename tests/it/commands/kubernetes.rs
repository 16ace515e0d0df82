//! `scripts/deploy/kubernetes/`: pods start on what Kubernetes makes of their volumes and variables.
#![cfg(unix)]

use crate::support::{Home, Outcome, Payer};
use payersync::shard::Shard;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

const INDEX: &str = "JOB_COMPLETION_INDEX";

fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/deploy");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// A reader of the part of YAML that the manifests use. Every plain word is a text, also a number.
struct Yaml {
    lines: Vec<String>,
    at: usize,
}

impl Yaml {
    fn read(text: &str) -> Value {
        Yaml { lines: text.lines().map(str::to_owned).collect(), at: 0 }.block()
    }

    /// The indent of the next line that is neither empty nor a comment.
    fn indent(&mut self) -> Option<usize> {
        loop {
            let line = self.lines.get(self.at)?;
            let words = line.trim_start();
            if !words.is_empty() && !words.starts_with('#') {
                return Some(line.len() - words.len());
            }
            self.at += 1;
        }
    }

    /// A list or a map: the lines of one indent, and what is below them.
    fn block(&mut self) -> Value {
        let indent = self.indent().unwrap();
        let (mut list, mut map) = (Vec::new(), Map::new());
        while self.indent() == Some(indent) {
            let line = self.lines[self.at].trim().to_owned();
            let item = line.strip_prefix("- ");
            if let Some(item) = item.filter(|item| item.contains(": ") || item.ends_with(':')) {
                // The item is a map, which begins behind the dash.
                self.lines[self.at] = format!("{:indent$}  {item}", "");
                list.push(self.block());
                continue;
            }
            self.at += 1;
            if let Some(item) = item {
                list.push(self.word(item, indent));
                continue;
            }
            let (key, word) = line.split_once(':').unwrap();
            let value = match word.trim() {
                "" => self.block(),
                word => self.word(word, indent),
            };
            map.insert(key.to_owned(), value);
        }
        if list.is_empty() { Value::Object(map) } else { Value::Array(list) }
    }

    fn word(&mut self, word: &str, indent: usize) -> Value {
        if word != "|" {
            let is_json = word.starts_with(['"', '[', '{']);
            return if is_json { serde_json::from_str(word).unwrap() } else { word.into() };
        }
        let depth = |line: &String| line.len() - line.trim_start().len();
        let lines = self.lines[self.at..].iter().take_while(|line| depth(line) > indent);
        let lines: Vec<String> = lines.map(|line| line.trim_start().to_owned() + "\n").collect();
        self.at += lines.len();
        lines.concat().into()
    }
}

/// The specification of the pods of a manifest.
fn pod_in(value: &Value) -> Option<&Value> {
    match value {
        Value::Object(map) if map.contains_key("containers") => Some(value),
        Value::Object(map) => map.values().find_map(pod_in),
        Value::Array(list) => list.iter().find_map(pod_in),
        _ => None,
    }
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn word<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

/// What Kubernetes makes of `$(NAME)`; a name that is not known yet stays as it stands.
fn expanded(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut parts = text.split("$(");
    let mut all = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(')').unwrap();
        let value = known.get(name).cloned().unwrap_or_else(|| format!("$({name})"));
        all += &(value + rest);
    }
    all
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Opens a file or folder, and all in it, to the group, as `fsGroup` asks for.
fn open_to_group(path: &Path) {
    if path.is_dir() {
        set_mode(path, mode(path) | 0o2770);
        fs::read_dir(path).unwrap().for_each(|entry| open_to_group(&entry.unwrap().path()));
    } else {
        set_mode(path, mode(path) | 0o660);
    }
}

/// A pod of a manifest on this machine: each volume is a folder of its name.
struct Pod {
    spec: Value,
    is_indexed: bool,
    /// The number of the pod among the shards, from 0.
    index: String,
    machine: Home,
}

impl Pod {
    /// A pod of the shard that john belongs to, with the secrets and the configuration of a home.
    fn new(manifest: &str, home: &Home) -> Pod {
        let manifest = text(&format!("kubernetes/{manifest}"));
        let spec = manifest.split("\n---\n").map(Yaml::read).find_map(|it| pod_in(&it).cloned());
        let index = (0..4).find(|number| Shard::new(number + 1, 4).unwrap().holds("john"));
        let pod = Pod {
            spec: spec.unwrap(),
            is_indexed: manifest.contains("completionMode: Indexed"),
            index: index.unwrap().to_string(),
            machine: Home::new(),
        };
        assert_ne!(pod.spec["securityContext"]["fsGroup"], Value::Null);
        let read = |name: &str| fs::read_to_string(home.file(name)).unwrap();
        for volume in list(&pod.spec, "volumes") {
            let folder = pod.machine.file(word(volume, "name"));
            let files = match (&volume["secret"], &volume["configMap"]) {
                (Value::Object(_), _) => {
                    vec![("vault-key", read("vault.key")), ("demo.secret", read("demo.secret"))]
                }
                (_, Value::Object(_)) => {
                    let secret = pod.here(pod.container(), "/run/secrets/demo.secret");
                    let toml = read("payersync.toml").replace("demo.secret", &secret);
                    vec![("payersync.toml", toml)]
                }
                _ => continue,
            };
            fs::create_dir(&folder).unwrap();
            for (name, text) in files {
                fs::write(folder.join(name), text).unwrap();
            }
        }
        pod
    }

    fn container(&self) -> &Value {
        &list(&self.spec, "containers")[0]
    }

    /// A text in which the paths of the container's mounts are those of the folders here.
    fn here(&self, container: &Value, text: &str) -> String {
        let mounts = list(container, "volumeMounts").iter();
        let mounts = mounts.filter(|mount| word(mount, "mountPath") != "/tmp");
        mounts.fold(text.to_owned(), |text, mount| {
            let folder = self.machine.file(word(mount, "name"));
            text.replace(word(mount, "mountPath"), folder.to_str().unwrap())
        })
    }

    /// The container's variables, each made of those before it, with paths of this machine.
    fn variables(&self, container: &Value) -> BTreeMap<String, String> {
        let mut known = BTreeMap::new();
        if word(container, "image") == "payersync" {
            let image = text("Dockerfile");
            let line = image.lines().find_map(|line| line.strip_prefix("ENV "));
            let (name, value) = line.unwrap().split_once('=').unwrap();
            known.insert(name.to_owned(), value.to_owned());
        }
        for variable in list(container, "env") {
            let value = match &variable["value"] {
                Value::String(value) => expanded(value, &known),
                _ => match word(&variable["valueFrom"]["fieldRef"], "fieldPath") {
                    "metadata.annotations['batch.kubernetes.io/job-completion-index']"
                    | "metadata.labels['apps.kubernetes.io/pod-index']" => self.index.clone(),
                    other => panic!("{other}"),
                },
            };
            known.insert(word(variable, "name").to_owned(), value);
        }
        if self.is_indexed {
            // The Job's controller appends the variable, unless the container has it.
            known.entry(INDEX.to_owned()).or_insert_with(|| self.index.clone());
        }
        known.into_iter().map(|(name, value)| (name, self.here(container, &value))).collect()
    }

    /// Mounts the volumes as the kubelet does, and runs what is to run before payersync.
    fn start(&self) {
        for mount in list(self.container(), "volumeMounts") {
            assert_eq!(mount["subPath"], Value::Null, "root makes the folders above such a mount");
        }
        let containers = list(&self.spec, "initContainers").iter().chain([self.container()]);
        for mount in containers.flat_map(|container| list(container, "volumeMounts")) {
            self.mount(word(mount, "name"));
        }
        for container in list(&self.spec, "initContainers") {
            let words = list(container, "command").iter().map(|word| word.as_str().unwrap());
            let words: Vec<String> = words.map(|word| self.here(container, word)).collect();
            let variables = self.variables(container);
            let mut command = Command::new(&words[0]);
            let command = command.args(&words[1..]).env_clear().envs(variables);
            let outcome = Outcome::of(command.env("PATH", std::env::var_os("PATH").unwrap()));
            assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        }
    }

    fn mount(&self, name: &str) {
        let folder = self.machine.file(name);
        let volume = list(&self.spec, "volumes").iter().find(|volume| word(volume, "name") == name);
        // A StatefulSet has the claims of its pods elsewhere.
        let volume = volume.unwrap_or(&Value::Null);
        let mode_of = |key: &str| volume[key]["defaultMode"].as_str();
        if let Some(given) = mode_of("secret").or_else(|| mode_of("configMap")) {
            let given = u32::from_str_radix(given, 8).unwrap();
            for entry in fs::read_dir(&folder).unwrap() {
                // What is read-only is made readable for the group.
                set_mode(&entry.unwrap().path(), given | 0o440);
            }
            return;
        }
        if !folder.exists() {
            fs::create_dir(&folder).unwrap();
            set_mode(&folder, 0o755);
        }
        if !volume["emptyDir"].is_null() {
            return set_mode(&folder, 0o2777);
        }
        let policy = &self.spec["securityContext"]["fsGroupChangePolicy"];
        if policy != "OnRootMismatch" || mode(&folder) & 0o2770 != 0o2770 {
            open_to_group(&folder);
        }
    }

    /// Puts what a home has beside its secrets and configuration into a folder of the pod.
    fn bring(&self, home: &Home, folder: &Path) {
        for name in home.names() {
            let path = home.file(&name);
            let is_given = ["payersync.toml", "demo.secret", "vault.key"].contains(&&*name);
            if path.is_file() && !is_given {
                fs::copy(path, folder.join(name)).unwrap();
            }
        }
    }

    /// Runs payersync in the pod.
    fn run(&self, arguments: &[&str]) -> Outcome {
        let container = self.container();
        let arguments = arguments.iter().map(|word| self.here(container, word));
        let mut command = Command::new(env!("CARGO_BIN_EXE_payersync"));
        let command = command.args(arguments).env_clear().env("HOME", "/nonexistent");
        Outcome::of(command.envs(self.variables(container)))
    }

    /// The arguments of the manifest.
    fn arguments(&self) -> Vec<&str> {
        list(self.container(), "args").iter().map(|word| word.as_str().unwrap()).collect()
    }

    /// The folders that a driver opens which knows no `fsGroupChangePolicy`.
    fn open(&self, volumes: &[&str]) {
        volumes.iter().for_each(|name| open_to_group(&self.machine.file(name)));
    }
}

/// Starts a pod of a manifest twice, lets it sync, and returns it with its home.
#[track_caller]
fn synced(manifest: &str, volume: &str, sync: impl Fn(&Pod) -> Outcome) -> (Pod, PathBuf) {
    let payer = Payer::small();
    let home = payer.connected_home();
    let pod = Pod::new(manifest, &home);
    let folder = PathBuf::from(&pod.variables(pod.container())["PAYERSYNC_HOME"]);
    pod.start();
    pod.bring(&home, &folder);
    pod.start();
    for _ in 0..2 {
        let outcome = sync(&pod);
        assert_eq!(outcome.code, 0, "{manifest}: {}", outcome.stderr);
        pod.open(&[volume]);
        assert_eq!(pod.run(&["status"]).code, 1, "{manifest}: a home that a group can write");
        pod.start();
    }
    let patients = pod.run(&["query", "SELECT count(*) FROM patient", "--format", "csv"]);
    assert!(patients.stdout.ends_with("\n1\n"), "{}{}", patients.stdout, patients.stderr);
    (pod, folder)
}

#[test]
fn a_pod_of_the_service_starts_on_what_kubernetes_makes_of_its_volumes() {
    let (pod, home) = synced("service.yaml", "home", |pod| pod.run(&["sync", "--type", "Patient"]));
    assert_eq!(pod.arguments(), ["run"]);
    assert_eq!(home, pod.machine.file("home").join("home"));
}

#[test]
fn a_pod_of_the_nightly_job_finds_the_home_of_its_shard() {
    let (pod, home) = synced("nightly.yaml", "homes", |pod| {
        pod.run(&[&pod.arguments()[..], &["--type", "Patient"]].concat())
    });
    assert_eq!(home, pod.machine.file("homes").join(&pod.index));
}

#[test]
fn the_job_that_moves_connections_finds_the_homes_of_two_claims() {
    let payer = Payer::small();
    let home = payer.connected_home();
    let pod = Pod::new("move.yaml", &home);
    pod.start();
    let mut arguments = pod.arguments();
    pod.bring(&home, Path::new(&pod.here(pod.container(), arguments[1])));
    pod.open(&["old", "new"]);
    pod.start();
    let name = arguments.iter().position(|word| *word == "NAME").unwrap();
    arguments[name] = "john";
    let outcome = pod.run(&arguments);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.starts_with("Moved john to "), "{}", outcome.stdout);
}

#[test]
fn a_variable_is_made_only_of_those_before_it() {
    let known = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
    assert_eq!(expanded("/homes/$(A)/$(B)", &known), "/homes/1/$(B)");
    let container = Yaml::read(
        "image: busybox\nenv:\n  - name: B\n    value: x$(A)\n  - name: A\n    value: \"1\"\n",
    );
    let pod =
        Pod { spec: Value::Null, is_indexed: true, index: "3".to_owned(), machine: Home::new() };
    let known = pod.variables(&container);
    assert_eq!((&*known["B"], &*known["A"], &*known[INDEX]), ("x$(A)", "1", "3"));
}
