//! The YAML file: parsed as plain values, walked against the catalogue, laid down as texts.
//! A key that the catalogue does not have is refused, with the nearest that it has (what serde
//! calls `deny_unknown_fields`, but for all of them at once). Variables are expanded here, in
//! values only, after parsing.

use std::path::Path;

use serde_yaml::Value;

use super::{
    expand::{ExpandError, expand},
    fault::Faults,
    keys::{self, Key, Takes},
    layers::{Env, Layers, Origin},
    nearest::nearest,
};

/// Reads the file at `path` and lays its values down.
pub(super) fn lay(path: &Path, env: &Env, layers: &mut Layers, faults: &mut Faults) {
    let shown = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let mend = "give --config a file that can be read";
            return faults.add(shown, Origin::File, format!("can't be read: {error}"), mend);
        }
    };
    match serde_yaml::from_str::<Value>(&text) {
        Ok(root) => Walk { env, layers, faults }.section("", root),
        Err(error) => {
            let mend = "write one YAML document, with two spaces for each level";
            faults.add(shown, Origin::File, format!("is not YAML: {error}"), mend);
        }
    }
}

struct Walk<'a> {
    env: &'a Env,
    layers: &'a mut Layers,
    faults: &'a mut Faults,
}

impl Walk<'_> {
    /// `path` is empty for the whole file.
    fn section(&mut self, path: &str, value: Value) {
        let entries = match value {
            Value::Null => return,
            Value::Mapping(entries) => entries,
            _ => {
                let what = "is one value where a section of keys belongs";
                let mend = format!("write below it, further in: {}", children(path).join(", "));
                let path = if path.is_empty() { "the file" } else { path };
                return self.faults.add(path, Origin::File, what, mend);
            }
        };
        for (name, value) in entries {
            let Value::String(name) = name else {
                let what = "has a key that is not a text";
                let mend = format!("use one of {}", children(path).join(", "));
                let path = if path.is_empty() { "the file" } else { path };
                self.faults.add(path, Origin::File, what, mend);
                continue;
            };
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if let Some(key) = keys::ALL.iter().find(|key| key.path == below) {
                self.value(key, value);
            } else if !children(&below).is_empty() {
                self.section(&below, value);
            } else {
                self.unknown(path, &name, &below);
            }
        }
    }

    fn value(&mut self, key: &Key, value: Value) {
        let is_text = matches!(key.takes, Takes::Text | Takes::Secret | Takes::Path);
        let text = match value {
            Value::Null => return,
            Value::String(text) => text,
            Value::Sequence(list)
                if matches!(key.takes, Takes::Rules | Takes::Names | Takes::Users) =>
            {
                return self.list(key, Value::Sequence(list));
            }
            Value::Bool(false) if !is_text => "off".to_owned(),
            Value::Bool(is_on) if !is_text => is_on.to_string(),
            Value::Number(number) if !is_text => number.to_string(),
            // As a number, 0010 and 1.10 would lose digits.
            Value::Bool(_) | Value::Number(_) => {
                let what = "is a number or a truth value to YAML, not a text";
                return self.faults.add(key.path, Origin::File, what, "put it into quotes");
            }
            Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => {
                let mend = format!("give {}", key.takes.describe());
                return self.faults.add(key.path, Origin::File, "is not one plain value", mend);
            }
        };
        match expand(&text, self.env) {
            Ok(text) => self.layers.set(key, text, Origin::File),
            Err(error) => {
                self.faults.add(key.path, Origin::File, error.to_string(), error.mend());
            }
        }
    }

    /// A list is laid down as one text, variables expanded within its values.
    fn list(&mut self, key: &Key, mut list: Value) {
        if let Err(error) = expand_within(&mut list, self.env) {
            return self.faults.add(key.path, Origin::File, error.to_string(), error.mend());
        }
        match serde_yaml::to_string(&list) {
            Ok(text) => self.layers.set(key, text, Origin::File),
            Err(error) => {
                let mend = format!("give {}", key.takes.describe());
                self.faults.add(key.path, Origin::File, error.to_string(), mend);
            }
        }
    }

    fn unknown(&mut self, section: &str, name: &str, path: &str) {
        let siblings = children(section);
        let elsewhere = || {
            let last = |key: &&&Key| key.path.rsplit('.').next() == Some(name);
            keys::ALL.iter().find(last).map(|key| key.path.to_owned())
        };
        let join = |near: &str| match section {
            "" => near.to_owned(),
            section => format!("{section}.{near}"),
        };
        let meant = nearest(name, siblings.iter().copied()).map(join).or_else(elsewhere);
        let mend = match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("known here: {}", siblings.join(", ")),
        };
        let shown: String = path.chars().take(80).collect();
        self.faults.add(shown, Origin::File, "is no key", mend);
    }
}

fn expand_within(value: &mut Value, env: &Env) -> Result<(), ExpandError> {
    match value {
        Value::String(text) => *text = expand(text, env)?,
        Value::Sequence(list) => {
            for value in list {
                expand_within(value, env)?;
            }
        }
        Value::Mapping(entries) => {
            for (_, value) in entries.iter_mut() {
                expand_within(value, env)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The names directly below a section; none where there is no such section.
fn children(section: &str) -> Vec<&'static str> {
    let mut names: Vec<_> = keys::ALL
        .iter()
        .filter_map(|key| match section {
            "" => Some(key.path),
            section => key.path.strip_prefix(section)?.strip_prefix('.'),
        })
        .filter_map(|rest| rest.split('.').next())
        .collect();
    names.dedup();
    names
}
