//! helm, as tests/helm/requirements.txt pins it, and what it renders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_yaml::Value;
use tempfile::TempDir;

/// The newest Kubernetes, and the oldest that the chart supports.
pub(super) const NEWEST: &str = "1.37.0";
pub(super) const OLDEST: &str = "1.29.0";

pub(super) fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/helm")
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program of the tools that tests/helm needs.
#[track_caller]
pub(super) fn tool(name: &str) -> Command {
    let installed = fs::read(here().join("venv/installed")).ok();
    assert!(
        installed == fs::read(here().join("requirements.txt")).ok(),
        "the tools of tests/helm are missing; run scripts/test once, or scripts/chart-tools"
    );
    Command::new(here().join("venv/bin").join(name))
}

/// What a chart was rendered to.
pub(super) struct Rendered {
    pub(super) text: String,
    pub(super) objects: Vec<Value>,
}

impl Rendered {
    fn read(text: String) -> Self {
        let documents = text.split("\n---\n");
        let objects = documents.map(|document| serde_yaml::from_str::<Value>(document).unwrap());
        let objects = objects.filter(|object| !object.is_null()).collect();
        Self { text, objects }
    }

    pub(super) fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    /// The only object of this kind.
    #[track_caller]
    pub(super) fn only(&self, kind: &'static str) -> &Value {
        let found: Vec<&Value> = self.of_kind(kind).collect();
        assert_eq!(found.len(), 1, "{kind}:\n{}", self.text);
        found[0]
    }

    /// All pod templates, with their objects' names.
    pub(super) fn pods(&self) -> Vec<(String, &Value)> {
        let pods = self.objects.iter().filter_map(|object| {
            let mut spec = &object["spec"];
            if object["kind"] == "CronJob" {
                spec = &spec["jobTemplate"]["spec"];
            }
            Some((name(object), spec.get("template")?))
        });
        pods.collect()
    }
}

pub(super) fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

/// The charts, as they are, with their dependencies in place.
fn charts() -> &'static Path {
    static CHARTS: OnceLock<TempDir> = OnceLock::new();
    let charts = CHARTS.get_or_init(|| {
        let dir = copy_of_charts();
        for chart in ["own-chart", "several-apps", "job"] {
            let mut command = helm(dir.path());
            command.args(["dependency", "build"]).arg(dir.path().join("examples").join(chart));
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        dir
    });
    charts.path()
}

/// helm/, to be changed.
pub(super) fn copy_of_charts() -> TempDir {
    let dir = TempDir::new().unwrap();
    copy(&root().join("helm"), dir.path());
    dir
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

fn helm(home: &Path) -> Command {
    let mut command = tool("helm");
    command.env_clear().env("HOME", home.join("home")).stdin(Stdio::null());
    command
}

/// helm in the charts' directory, where `redis-sidecar` and `examples` are.
pub(super) fn run(args: &[&str]) -> Result<String, String> {
    run_in(charts(), args)
}

/// helm in this copy of it.
pub(super) fn run_in(charts: &Path, args: &[&str]) -> Result<String, String> {
    let output = helm(charts).args(args).current_dir(charts).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text([output.stdout, output.stderr].concat())),
    }
}

/// What `chart` is rendered to, with more arguments (`--set`, `--values`).
pub(super) fn template(chart: &str, version: &str, args: &[&str]) -> Result<Rendered, String> {
    let mut all = vec!["template", "shop", chart, "--namespace", "prod", "--kube-version", version];
    all.extend(args);
    run(&all).map(Rendered::read)
}

/// The same, of the chart itself with the values of this YAML.
pub(super) fn with_values(values: &str, version: &str) -> Result<Rendered, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), values).unwrap();
    template("redis-sidecar", version, &["--values", &file.path().display().to_string()])
}
