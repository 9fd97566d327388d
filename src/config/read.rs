//! One text to one value: what a setting means, and whether it is within its key's bounds.
//! A setting that is wrong is noted as a fault and read as `None`, so that the rest is read too;
//! only a value without faults is ever used.

use std::{net::SocketAddr, ops::RangeInclusive, path::Path, path::PathBuf, time::Duration};

use super::{
    address::parse_address,
    fault::Faults,
    keys::{Key, Takes},
    layers::{Layers, Origin, Origins},
    secret::Secret,
    units::{parse_duration, parse_size},
};

/// Reads settings, and gathers what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) layers: &'a Layers,
    pub(super) faults: &'a mut Faults,
    pub(super) warnings: Vec<String>,
    pub(super) origins: Origins,
}

impl<'a> Reader<'a> {
    /// Where to listen; `Some(None)` is off.
    pub(super) fn address(&mut self, key: &Key) -> Option<Option<SocketAddr>> {
        let text = self.text(key);
        if text == "off" {
            return Some(None);
        }
        match parse_address(text) {
            Ok(address) => Some(Some(address)),
            Err(error) => self.refuse(key, &format!("{} {error}", quoted(text))),
        }
    }

    /// A whole number within the key's bounds.
    pub(super) fn count<T: TryFrom<u64>>(&mut self, key: &Key) -> Option<T> {
        let text = self.text(key);
        let (Takes::Count(least, most)
        | Takes::CountOrAuto(least, most)
        | Takes::CountOrOff(least, most)) = key.takes
        else {
            return self.refuse(key, "is no count");
        };
        match text.parse() {
            Ok(count) => self.within(key, least..=most, count),
            Err(_) => self.refuse(key, &format!("{} is not a whole number", quoted(text))),
        }
    }

    /// The same; `Some(None)` is off.
    pub(super) fn count_or_off<T: TryFrom<u64>>(&mut self, key: &Key) -> Option<Option<T>> {
        match self.text(key) {
            "off" | "0" => Some(None),
            _ => self.count(key).map(Some),
        }
    }

    /// A size in bytes within the key's bounds.
    pub(super) fn size<T: TryFrom<u64>>(&mut self, key: &Key) -> Option<T> {
        let text = self.text(key);
        let Takes::Size(least, most) = key.takes else { return self.refuse(key, "is no size") };
        match parse_size(text) {
            Some(size) => self.within(key, least..=most, size),
            None => self.refuse(key, &format!("{} is not a size", quoted(text))),
        }
    }

    /// `number`, where it is within `bounds` and this machine can hold it.
    fn within<T>(&mut self, key: &Key, bounds: RangeInclusive<u64>, number: u64) -> Option<T>
    where
        T: TryFrom<u64>,
    {
        let is_within = bounds.contains(&number);
        match T::try_from(number) {
            Ok(number) if is_within => Some(number),
            _ => self.refuse(key, &format!("{} is out of bounds", self.text(key))),
        }
    }

    /// A duration within the key's bounds.
    pub(super) fn span(&mut self, key: &Key) -> Option<Duration> {
        let text = self.text(key);
        let (Takes::Span(least, most) | Takes::SpanOrOff(least, most)) = key.takes else {
            return self.refuse(key, "is no duration");
        };
        match parse_duration(text) {
            Some(span) if (least..=most).contains(&span) => Some(span),
            Some(_) => self.refuse(key, &format!("{text} is out of bounds")),
            None if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                let mend = format!("write {text}s or {text}ms");
                self.fault(key, &format!("{text} has no unit"), &mend)
            }
            None => self.refuse(key, &format!("{} is not a duration", quoted(text))),
        }
    }

    /// The same; `Some(None)` is off.
    pub(super) fn span_or_off(&mut self, key: &Key) -> Option<Option<Duration>> {
        match self.text(key) {
            "off" | "0" => Some(None),
            _ => self.span(key).map(Some),
        }
    }

    /// One of the key's words.
    pub(super) fn word(&mut self, key: &Key) -> Option<&'static str> {
        let text = self.text(key);
        let Takes::Word(words) = key.takes else { return self.refuse(key, "is no word") };
        let word = words.iter().find(|word| text.eq_ignore_ascii_case(word)).copied();
        word.or_else(|| self.refuse(key, &format!("{} is not known", quoted(text))))
    }

    /// On or off.
    pub(super) fn switch(&mut self, key: &Key) -> Option<bool> {
        let text = self.text(key);
        match text.to_ascii_lowercase().as_str() {
            "on" | "true" => Some(true),
            "off" | "false" => Some(false),
            _ => self.refuse(key, &format!("{} is neither", quoted(text))),
        }
    }

    /// A text that may be left out.
    pub(super) fn optional(&self, key: &Key) -> Option<String> {
        Some(self.text(key).to_owned()).filter(|text| !text.is_empty())
    }

    /// A path that may be left out.
    pub(super) fn path(&self, key: &Key) -> Option<PathBuf> {
        self.optional(key).map(PathBuf::from)
    }

    /// A secret that may be left out; taken as it is, spaces and all.
    pub(super) fn secret(&self, key: &Key) -> Option<Secret> {
        self.layers.setting(key).map(|setting| Secret::new(setting.text.as_str()))
    }

    /// What is set, else the default; trimmed, for a variable may end in a line break.
    pub(super) fn text(&self, key: &Key) -> &'a str {
        self.layers.setting(key).map_or(key.default, |setting| setting.text.trim())
    }

    /// Notes a fault where the file of a key can't be read.
    pub(super) fn check_file(&mut self, key: &Key, path: Option<&Path>) {
        let Some(path) = path else { return };
        // A named pipe is left alone: to open one is to consume it.
        let error = match std::fs::metadata(path) {
            Ok(file) if file.is_dir() => Some("it is a directory".to_owned()),
            Ok(file) if file.is_file() => std::fs::File::open(path).err().map(|e| e.to_string()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = error {
            let what = format!("{} can't be read: {error}", quoted(&path.to_string_lossy()));
            self.fault::<()>(key, &what, "give a file that this process can read");
        }
    }

    /// Notes a fault whose mend is what the key takes.
    pub(super) fn refuse<T>(&mut self, key: &Key, what: &str) -> Option<T> {
        self.fault(key, what, &format!("give {}", key.takes.describe()))
    }

    /// Notes a fault.
    pub(super) fn fault<T>(&mut self, key: &Key, what: &str, mend: &str) -> Option<T> {
        self.faults.add(key.path, self.layers.origin(key), what, mend);
        None
    }

    /// Notes a fault where the lesser of two keys is more than the greater: at the one that was set.
    pub(super) fn check_order<T: PartialOrd>(
        &mut self,
        (lesser, less): (&Key, Option<T>),
        (greater, more): (&Key, Option<T>),
    ) {
        let is_reversed = less.zip(more).is_some_and(|(less, more)| less > more);
        if !is_reversed {
            return;
        }
        let key = match self.layers.origin(lesser) {
            Origin::Default => greater,
            _ => lesser,
        };
        let name = |key: &Key| key.path.rsplit('.').next().unwrap_or(key.path);
        let (less, more) = (self.text(lesser), self.text(greater));
        let what = format!("{} {less} is more than {} {more}", name(lesser), name(greater));
        let mend = format!("lower {}, or raise {}", lesser.path, greater.path);
        self.fault::<()>(key, &what, &mend);
    }

    /// Notes a warning about a key.
    pub(super) fn warn(&mut self, key: &Key, warning: &str) {
        let from = match self.layers.origin(key) {
            Origin::Env(name) | Origin::Flag(name) => format!(" (from {name})"),
            Origin::Default | Origin::File => String::new(),
        };
        self.warnings.push(format!("{}: {warning}{from}", key.path));
    }
}

/// A value in a fault: quoted, escaped, and not too long.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() == text.len() { format!("{text:?}") } else { format!("{short:?}...") }
}
