//! `${VAR}` and `${VAR:-default}` in one value of the file; `$${` is a literal `${`.
//! It works on values after YAML has been parsed, and never looks again at what it put in: a
//! variable's content can't become YAML, nor a further variable. Unset and empty are the same.

use super::layers::Env;

/// Why a value could not be expanded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExpandError {
    #[error("the environment variable {0} is not set")]
    Unset(String),
    #[error("`${{` is never closed by `}}`")]
    Unclosed,
    #[error("`{0}` is no name of an environment variable")]
    Name(String),
    #[error("`${{` stands within `${{`")]
    Nested,
}

impl ExpandError {
    pub(super) fn mend(&self) -> String {
        match self {
            Self::Unset(name) => format!("set {name}, or give a default: ${{{name}:-...}}"),
            Self::Unclosed => "write ${VAR} or ${VAR:-default}, or $${ for a literal ${".to_owned(),
            Self::Name(_) => "use letters, digits and _ only, as in ${REDIS_URL}".to_owned(),
            Self::Nested => "give a plain text as the default".to_owned(),
        }
    }
}

/// The value with its variables put in.
pub(super) fn expand(value: &str, env: &Env) -> Result<String, ExpandError> {
    let mut expanded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        let after = &after[2..];
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        expanded.push_str(before);
        let (reference, following) = after.split_once('}').ok_or(ExpandError::Unclosed)?;
        expanded.push_str(&resolve(reference, env)?);
        rest = following;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn resolve(reference: &str, env: &Env) -> Result<String, ExpandError> {
    if reference.contains("${") {
        return Err(ExpandError::Nested);
    }
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if !is_name {
        return Err(ExpandError::Name(name.chars().take(40).collect()));
    }
    match (env.var(name), default) {
        (Some(value), _) => Ok(value.to_owned()),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(ExpandError::Unset(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::{ExpandError, expand};
    use crate::config::Env;

    fn expanded(value: &str) -> Result<String, ExpandError> {
        let env: Env = [("HOST", "cache"), ("EMPTY", ""), ("TRICK", "${HOST}: {a: [b]}")]
            .into_iter()
            .collect();
        expand(value, &env)
    }

    #[test]
    fn variables_and_defaults_are_put_in() {
        for (value, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("${HOST}", "cache"),
            ("redis://${HOST}:${PORT:-6379}/0", "redis://cache:6379/0"),
            ("${HOST:-other}", "cache"),
            ("${EMPTY:-other}", "other"),
            ("${NONE:-}", ""),
            ("${NONE:-a:-b}", "a:-b"),
            ("$HOST $ {HOST} 5$", "$HOST $ {HOST} 5$"),
            ("$${HOST}", "${HOST}"),
            ("é${HOST}é", "écacheé"),
        ] {
            assert_eq!(expanded(value).as_deref(), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_was_put_in_is_not_looked_at_again() {
        assert_eq!(expanded("${TRICK}").as_deref(), Ok("${HOST}: {a: [b]}"));
    }

    #[test]
    fn faults_name_the_variable() {
        assert_eq!(expanded("${NONE}"), Err(ExpandError::Unset("NONE".into())));
        assert_eq!(expanded("${EMPTY}"), Err(ExpandError::Unset("EMPTY".into())));
        assert_eq!(expanded("a${HOST"), Err(ExpandError::Unclosed));
        assert_eq!(expanded("${}"), Err(ExpandError::Name(String::new())));
        assert_eq!(expanded("${A-B}"), Err(ExpandError::Name("A-B".into())));
        assert_eq!(expanded("${1A}"), Err(ExpandError::Name("1A".into())));
        assert_eq!(expanded("${A:-${B}}"), Err(ExpandError::Nested));
    }
}
