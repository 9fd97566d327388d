//! What is written twice is the same: values, their comments and their schema; the alerts and the dashboard; versions; and
//! docs/kubernetes.md, whose commands are run.

use std::fs;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::chart::{NEWEST, copy_of_charts, root, run, run_in};

fn chart(file: &str) -> PathBuf {
    root().join("helm/redis-sidecar").join(file)
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_charts_copies_are_what_they_copy() {
    for (copy, original) in [
        ("files/alerts.yaml", "dashboards/alerts.yaml"),
        ("files/dashboard.json", "dashboards/redis-sidecar.json"),
    ] {
        let text = read(root().join(original));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(chart(copy), &text).unwrap();
        }
        assert_eq!(read(chart(copy)), text, "copy {original} to helm/redis-sidecar/{copy}");
    }
}

#[test]
fn the_chart_names_this_version() {
    let manifest: serde_yaml::Value = serde_yaml::from_str(&read(chart("Chart.yaml"))).unwrap();
    assert_eq!(manifest["appVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_image_is_as_its_dockerfile_makes_it() {
    let dockerfile = read(root().join("Dockerfile"));
    let last = |word: &str| {
        let line = dockerfile.lines().rfind(|line| line.starts_with(word)).unwrap();
        line[word.len()..].trim().to_owned()
    };
    let values: serde_yaml::Value = serde_yaml::from_str(&read(chart("values.yaml"))).unwrap();
    let binary = values["image"]["binary"].as_str().unwrap();
    assert_eq!(last("ENTRYPOINT "), format!("[\"{binary}\"]"));
    let context = &values["securityContext"];
    let user = ["runAsUser", "runAsGroup"].map(|name| context[name].as_u64().unwrap().to_string());
    assert_eq!(last("USER "), user.join(":"));
}

/// Calls `with` for each value that the schema knows: its path, its schema, and its default.
fn each_value(
    schema: &Json,
    default: &serde_yaml::Value,
    path: &str,
    with: &mut impl FnMut(&str, &Json, &serde_yaml::Value),
) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let default = default.get(name.as_str()).unwrap_or(&serde_yaml::Value::Null);
        with(path.trim_start_matches('.'), schema, default);
        each_value(schema, default, &path, with);
    }
}

#[test]
fn each_value_has_a_default_a_comment_and_a_description() {
    let text = read(chart("values.yaml"));
    let defaults: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let schema: Json = serde_json::from_str(&read(chart("values.schema.json"))).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut count = 0;
    each_value(&schema, &defaults, "", &mut |path, schema, default| {
        let described = schema["description"].as_str().is_some_and(|text| text.ends_with('.'));
        assert!(described, "{path} has no description in values.schema.json");
        let is_given_by_the_chart = path == "global" || path.starts_with("probes.");
        if schema.get("properties").is_some() || is_given_by_the_chart {
            return;
        }
        count += 1;
        assert!(!default.is_null(), "{path} has no default in values.yaml");
        assert!(is_commented(&lines, path), "{path} has no comment above it in values.yaml");
    });
    assert!(count > 80, "{count}");
    assert_known(&schema, &defaults, "");
}

/// The key stands behind its parents, and a comment above it.
fn is_commented(lines: &[&str], path: &str) -> bool {
    let mut at = 0;
    for (depth, name) in path.split('.').enumerate() {
        let start = format!("{}{name}:", "  ".repeat(depth));
        match lines[at..].iter().position(|line| line.starts_with(&start)) {
            Some(further) => at += further,
            None => return false,
        }
    }
    lines[at - 1].trim_start().starts_with('#')
}

/// Each default has its place in the schema.
fn assert_known(schema: &Json, defaults: &serde_yaml::Value, path: &str) {
    let Some(known) = schema["properties"].as_object() else { return };
    for (name, default) in defaults.as_mapping().into_iter().flatten() {
        let name = name.as_str().unwrap();
        let schema = known.get(name);
        assert!(schema.is_some(), "{path}.{name} is not in values.schema.json");
        assert_known(schema.unwrap(), default, &format!("{path}.{name}"));
    }
}

/// The lines of the code blocks of docs/kubernetes.md, those that `\` goes on with in one.
fn commands() -> Vec<String> {
    let text = read(root().join("docs/kubernetes.md")).replace("\\\n", " ");
    let code = text.lines().filter_map(|line| line.strip_prefix("    ")).map(str::trim_start);
    code.filter(|line| line.starts_with("helm ")).map(str::to_owned).collect()
}

#[test]
fn the_documents_commands_work() {
    let commands = commands();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        let line = command.split(" | ").next().unwrap().split(" > ").next().unwrap();
        // From the charts' own directory, and without a cluster.
        let line = line
            .replace("helm/redis-sidecar", "redis-sidecar")
            .replace("helm/examples", "examples");
        let words = line.split_whitespace().skip(1).filter(|word| *word != "--install");
        let mut words: Vec<&str> = words.collect();
        if ["install", "upgrade"].contains(&words[0]) {
            words.splice(0..1, ["template", "--kube-version", NEWEST]);
        }
        let said = run(&words);
        assert!(said.is_ok(), "{command}: {said:?}");
    }
}

#[test]
fn the_documents_template_is_the_examples() {
    let text = read(root().join("docs/kubernetes.md"));
    let example = read(root().join("helm/examples/own-chart/templates/deployment.yaml"));
    let block = text.split("```yaml\n# templates/deployment.yaml\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    assert!(block.lines().count() > 15, "{block}");
    assert_eq!(block, example);
}

#[test]
fn the_notes_say_where_redis_is() {
    // helm shows notes only where there is a cluster; a template that includes them shows them too.
    let shown =
        "notes: |\n  {{- include (print .Template.BasePath \"/NOTES.txt\") . | nindent 2 }}\n";
    let charts = copy_of_charts();
    fs::write(charts.path().join("redis-sidecar/templates/shown.yaml"), shown).unwrap();
    let notes = |args: &[&str]| {
        let mut all = vec!["template", "shop", "redis-sidecar", "--namespace", "prod"];
        all.extend(["--show-only", "templates/shown.yaml"]);
        all.extend(args);
        run_in(charts.path(), &all).unwrap()
    };
    let said = notes(&["--values", "examples/service.yaml"]);
    assert!(said.contains("redis://shop-redis-sidecar.prod.svc:6379"), "{said}");
    let said = notes(&["--values", "examples/upstash.yaml"]);
    assert!(said.contains("redis://127.0.0.1:6379") && said.contains("9121:9121"), "{said}");
}

#[test]
fn the_templates_say_how_they_are_to_be_called() {
    // With aliases alone, the calling chart's own `.` leads to no sidecar.
    let charts = copy_of_charts();
    let file = charts.path().join("examples/several-apps/templates/deployments.yaml");
    let right = "index $.Subcharts (printf \"%s-redis\" $name)";
    let text = read(file.clone());
    assert!(text.contains(right), "{text}");
    fs::write(file, text.replace(right, "$")).unwrap();
    run_in(charts.path(), &["dependency", "build", "examples/several-apps"]).unwrap();
    let said = run_in(charts.path(), &["template", "shop", "examples/several-apps"]).unwrap_err();
    assert!(said.contains("or .Subcharts.ALIAS"), "{said}");
}
