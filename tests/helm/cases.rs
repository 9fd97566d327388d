//! A matrix of values: each case lints, renders as its golden file says, and is valid for every Kubernetes.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use serde_yaml::Value;

use super::chart::{NEWEST, OLDEST, Rendered, here, name, root, run, template, tool};

/// One way to use the chart.
pub(super) struct Case {
    pub(super) name: String,
    chart: &'static str,
    values: Vec<PathBuf>,
}

impl Case {
    fn args(&self) -> Vec<String> {
        let values = self.values.iter().map(|path| path.display().to_string());
        values.flat_map(|path| ["--values".to_owned(), path]).collect()
    }

    pub(super) fn render(&self, version: &str) -> Result<Rendered, String> {
        let args = self.args();
        template(self.chart, version, &args.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

fn files(directory: PathBuf) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some()).collect();
    paths.sort();
    paths
}

/// tests/helm/cases, helm/examples as they stand, and the charts that have this one as a dependency.
pub(super) fn all() -> Vec<Case> {
    let examples = root().join("helm/examples");
    let mut cases = Vec::new();
    for path in files(here().join("cases")).into_iter().chain(files(examples.clone())) {
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let values = match stem.as_str() {
            "monitoring" => vec![examples.join("azure-cache.yaml"), path.clone()],
            _ => vec![path.clone()],
        };
        let is_example = path.starts_with(&examples);
        let name = if is_example { format!("example-{stem}") } else { stem };
        cases.push(Case { name, chart: "redis-sidecar", values });
    }
    for chart in ["examples/own-chart", "examples/several-apps", "examples/job"] {
        cases.push(Case { name: chart.replace("examples/", "chart-"), chart, values: Vec::new() });
    }
    assert!(cases.len() >= 16, "{}", cases.len());
    cases
}

/// Does `work` for each case, several at a time.
pub(super) fn each(work: impl Fn(&Case) + Sync) {
    let cases = all();
    thread::scope(|scope| {
        let workers = cases.chunks(cases.len().div_ceil(4)).map(|chunk| {
            let work = &work;
            scope.spawn(move || chunk.iter().for_each(work))
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

#[test]
fn every_case_lints() {
    each(|case| {
        let mut args = vec!["lint".to_owned(), "--strict".to_owned(), case.chart.to_owned()];
        args.extend(case.args());
        let said = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(said.as_ref().is_ok_and(|said| said.contains(" 0 chart(s) failed")), "{said:?}");
    });
}

/// What is the same in a golden file, but for the dashboard, which has a file of its own.
fn golden_text(rendered: &Rendered) -> String {
    let mut text = String::new();
    let mut is_dashboard = false;
    for line in rendered.text.lines() {
        if is_dashboard && line.starts_with("    ") {
            continue;
        }
        text.extend([line, "\n"]);
        is_dashboard = line == "  redis-sidecar.json: |";
        if is_dashboard {
            text.push_str("    (dashboards/redis-sidecar.json)\n");
        }
    }
    text
}

#[test]
fn every_case_renders_as_its_golden_file() {
    let golden = here().join("golden");
    let is_update = std::env::var_os("UPDATE_GOLDEN").is_some();
    each(|case| {
        let path = golden.join(format!("{}.yaml", case.name));
        let text = golden_text(&case.render(NEWEST).unwrap());
        if is_update {
            fs::write(&path, &text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if text != expected {
            let differs = text.lines().zip(expected.lines()).position(|(a, b)| a != b);
            let at = differs.unwrap_or_else(|| text.lines().count().min(expected.lines().count()));
            let line = |text: &str| text.lines().nth(at).unwrap_or_default().to_owned();
            panic!(
                "{}: line {} is\n{}\nand was\n{}\nif that is meant: UPDATE_GOLDEN=1 cargo test --test main -- helm::",
                path.display(),
                at + 1,
                line(&text),
                line(&expected)
            );
        }
    });
    let names: BTreeSet<String> = all().iter().map(|case| format!("{}.yaml", case.name)).collect();
    let kept = files(golden)
        .into_iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    assert_eq!(kept.collect::<BTreeSet<_>>(), names, "a golden file without a case");
}

#[test]
fn every_object_is_valid_for_every_kubernetes() {
    let mut child = tool("python")
        .arg(here().join("validate.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut count = 0;
    for case in all() {
        // 1.30 brought what the chart asks the version for.
        for (version, first, last) in [(OLDEST, "1.29", "1.29"), (NEWEST, "1.30", "1.37")] {
            let rendered = match case.render(version) {
                Ok(rendered) => rendered,
                // The one thing that the oldest can't do, and is told so.
                Err(said) => {
                    assert!(version == OLDEST && said.contains("needs Kubernetes 1.30"), "{said}");
                    continue;
                }
            };
            for object in &rendered.objects {
                let line = serde_json::to_string(&(&case.name, first, last, object)).unwrap();
                writeln!(input, "{line}").unwrap();
            }
            count += rendered.objects.len();
        }
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let last = said.lines().last().unwrap_or_default();
    assert!(output.status.success() && said.lines().count() == 1, "{said}");
    assert!(
        last.ends_with(&format!("Kubernetes 1.29 to {}", NEWEST.trim_end_matches(".0"))),
        "{last}"
    );
    let validations: usize = last.split(' ').next().unwrap().parse().unwrap();
    assert!(count > 100 && validations > 4 * count, "{count} objects, {last}");
}

#[test]
fn what_belongs_together_fits() {
    each(|case| {
        let rendered = case.render(NEWEST).unwrap();
        for (owner, pod) in rendered.pods() {
            assert_pod_is_sound(&format!("{}, {owner}", case.name), pod);
        }
        for object in &rendered.objects {
            let name = name(object);
            assert!(name.len() <= 63 && name.starts_with("shop"), "{}: {name}", case.name);
            assert_selects_a_pod(&case.name, object, &rendered);
        }
    });
}

/// Kubernetes's schemas don't say it: what is mounted is a volume, and ports have names of their own.
fn assert_pod_is_sound(case: &str, pod: &Value) {
    let volumes: BTreeSet<&str> = list(&pod["spec"]["volumes"])
        .iter()
        .map(|volume| volume["name"].as_str().unwrap())
        .collect();
    let containers = [&pod["spec"]["initContainers"], &pod["spec"]["containers"]];
    let mut names = BTreeSet::new();
    for container in containers.into_iter().flat_map(list) {
        assert!(names.insert(container["name"].as_str().unwrap()), "{case}: a name twice");
        for mount in list(&container["volumeMounts"]) {
            assert!(volumes.contains(mount["name"].as_str().unwrap()), "{case}: {mount:?}");
        }
        let ports: BTreeSet<&str> =
            list(&container["ports"]).iter().filter_map(|port| port["name"].as_str()).collect();
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let port = container[probe]["httpGet"]["port"].as_str();
            assert!(port.is_none_or(|port| ports.contains(port)), "{case}: {probe} {port:?}");
        }
    }
}

/// Whatever selects pods by labels finds one here.
fn assert_selects_a_pod(case: &str, object: &Value, rendered: &Rendered) {
    let spec = &object["spec"];
    let selector = match object["kind"].as_str().unwrap() {
        "Service" => &spec["selector"],
        "ServiceMonitor" => {
            let service = &rendered.only("Service")["metadata"]["labels"];
            return assert!(holds(service, &spec["selector"]["matchLabels"]), "{case}: {object:?}");
        }
        "PodMonitor" | "Deployment" | "PodDisruptionBudget" => &spec["selector"]["matchLabels"],
        "NetworkPolicy" => &spec["podSelector"]["matchLabels"],
        _ => return,
    };
    let is_found =
        rendered.pods().iter().any(|(_, pod)| holds(&pod["metadata"]["labels"], selector));
    assert!(is_found, "{case}: {object:?}");
}

fn holds(labels: &Value, selector: &Value) -> bool {
    let selector = selector.as_mapping().unwrap();
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}

#[test]
fn the_dashboard_arrives_as_it_is() {
    let cases = all();
    let case = cases.iter().find(|case| case.name == "example-monitoring").unwrap();
    let rendered = case.render(NEWEST).unwrap();
    let texts =
        rendered.of_kind("ConfigMap").filter_map(|it| it["data"]["redis-sidecar.json"].as_str());
    let texts: Vec<&str> = texts.collect();
    let copy = fs::read_to_string(root().join("helm/redis-sidecar/files/dashboard.json")).unwrap();
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].trim_end(), copy.trim_end());
}

#[test]
fn promtool_finds_nothing_wrong_with_the_alerts() {
    let cases = all();
    let case = cases.iter().find(|case| case.name == "app-everything").unwrap();
    let rendered = case.render(NEWEST).unwrap();
    let rule = rendered.only("PrometheusRule");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), serde_yaml::to_string(&rule["spec"]).unwrap()).unwrap();
    let output = Command::new("promtool").args(["check", "rules"]).arg(file.path()).output();
    let output = output.unwrap_or_else(|error| {
        panic!("these tests need promtool ({error}); install it: apt-get install prometheus")
    });
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("9 rules found"), "{said}");
    let alerts = list(&rule["spec"]["groups"][0]["rules"]);
    for alert in alerts {
        assert_ne!(alert["alert"], "RedisSidecarSlow");
        assert_eq!(alert["labels"]["team"], "payments");
        assert_eq!(alert["labels"]["severity"], "page");
    }
}
