//! The configuration as YAML that explains itself: every key with its value as it takes effect, a
//! line of why, what it takes, and where the value came from. Secrets are `***`. What is printed
//! parses as YAML whatever the values hold.

use super::{
    Config,
    keys::{Key, Takes, UPSTREAM_USERNAME},
    users,
    values::{Value, values},
};

/// The whole as YAML.
pub(super) fn render(config: &Config) -> String {
    let mut yaml = String::from(
        "# The configuration as it takes effect. Behind each value: where it came from.\n",
    );
    let mut open: Vec<&str> = Vec::new();
    for (key, value) in values(config) {
        let mut sections: Vec<&str> = key.path.split('.').collect();
        let name = sections.pop().unwrap_or_default();
        if open.first() != sections.first() || sections.is_empty() {
            yaml.push('\n');
        }
        let shared = open.iter().zip(&sections).take_while(|(a, b)| a == b).count();
        for (depth, section) in sections.iter().enumerate().skip(shared) {
            yaml.push_str(&format!("{}{section}:\n", "  ".repeat(depth)));
        }
        let indent = "  ".repeat(sections.len());
        let origin = config.origins.origin(key.path);
        yaml.push_str(&format!("{indent}# {}\n", key.why));
        yaml.push_str(&format!(
            "{indent}{name}: {}  # {origin}{}\n",
            scalar(key, &value),
            bounds(key)
        ));
        open = sections;
    }
    yaml
}

/// One key as it takes effect. Holds no secret, and no user name of the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Such as `upstream.pool.max`.
    pub path: &'static str,
    /// As it would be written; `None` where it is unset.
    pub value: Option<String>,
    /// Where it came from: `default`, `file`, ...
    pub from: String,
    /// One line of why.
    pub why: &'static str,
}

/// Every key, secrets masked.
pub(super) fn settings(config: &Config) -> Vec<Setting> {
    let setting = |(key, value): (&'static Key, Value<'_>)| Setting {
        path: key.path,
        value: match value {
            Value::Unset => None,
            Value::Shown(_) if key.path == UPSTREAM_USERNAME.path => Some("***".to_owned()),
            Value::Shown(text) => Some(text),
            Value::Hidden(secret) => Some(secret.to_string()),
            Value::Users(list) => Some(users::show(list)),
        },
        from: config.origins.origin(key.path).to_string(),
        why: key.why,
    };
    values(config).into_iter().map(setting).collect()
}

/// What the key takes, where its value does not show it.
fn bounds(key: &Key) -> String {
    match key.takes {
        Takes::Path | Takes::Text | Takes::Secret => String::new(),
        _ => format!("; takes {}", key.takes.describe()),
    }
}

/// One value as YAML: words and numbers bare, all else in double quotes.
fn scalar(key: &Key, value: &Value<'_>) -> String {
    let value = match value {
        Value::Unset => return "~".to_owned(),
        Value::Shown(text) => text.clone(),
        Value::Hidden(secret) => secret.to_string(),
        Value::Users(list) => users::show(list),
    };
    if matches!(key.takes, Takes::Rules | Takes::Names | Takes::Users) {
        return value;
    }
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '/' | '-' | '_');
    let is_free = matches!(key.takes, Takes::Text | Takes::Secret | Takes::Path);
    let begins_safely = value.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !is_free && begins_safely && !value.ends_with(':') && value.chars().all(is_safe) {
        return value;
    }
    quoted(&value)
}

/// A text in double quotes.
pub(super) fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || u32::from(c) > 0x7e => {
                quoted.push_str(&format!("\\U{:08X}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
