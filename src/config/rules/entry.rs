//! One mapping within a list: its values, each with its bounds, and every fault with its place in the list
//! (`rules[2].ttl.max`). A mapping in which anything is wrong is no value.

use std::{ops::RangeInclusive, time::Duration};

use serde_yaml::{Mapping, Value};

use super::super::{
    keys::Key,
    nearest::nearest,
    read::Reader,
    units::{parse_duration, parse_size, show_duration, show_size},
};

/// A mapping that is being read.
pub(in super::super) struct Entry<'r, 'a, 'v> {
    reader: &'r mut Reader<'a>,
    /// The key under which the list is.
    key: &'static Key,
    path: String,
    values: &'v Mapping,
    is_whole: bool,
}

impl<'r, 'a, 'v> Entry<'r, 'a, 'v> {
    /// The mapping at `path`, which is `what` (such as "a rule") and may have the keys `known`.
    pub(in super::super) fn new(
        reader: &'r mut Reader<'a>,
        key: &'static Key,
        path: String,
        values: &'v Mapping,
        (what, known): (&str, &[&str]),
    ) -> Self {
        let mut entry = Self { reader, key, path, values, is_whole: true };
        for name in values.keys() {
            let name = name.as_str().unwrap_or_default();
            if !known.contains(&name) {
                let near = nearest(name, known.iter().copied());
                let mend = near.map_or_else(
                    || format!("known here: {}", known.join(", ")),
                    |near| format!("did you mean {near}?"),
                );
                entry.fault::<()>(name, &format!("is no key of {what}"), &mend);
            }
        }
        entry
    }

    /// Whether nothing was wrong.
    pub(in super::super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether it says something of this.
    pub(in super::super) fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// What is said as one plain text; empty where it is something else.
    pub(in super::super) fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(is_on) => Some(is_on.to_string()),
            _ => Some(String::new()),
        }
    }

    /// What is said, as YAML has it.
    pub(in super::super) fn value(&self, name: &str) -> Option<&'v Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    /// What is said as a text that YAML takes for one: a number would lose digits.
    pub(in super::super) fn strict_text(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            _ => self.fault(name, "is not a text to YAML", "put it into quotes"),
        }
    }

    /// One of these words.
    pub(in super::super) fn word(
        &mut self,
        name: &str,
        words: &'static [&'static str],
    ) -> Option<&'static str> {
        let said = self.text(name)?;
        let word = words.iter().find(|word| said.eq_ignore_ascii_case(word)).copied();
        word.or_else(|| {
            let mend = match words {
                [rest @ .., last] => format!("give {} or {last}", rest.join(", ")),
                [] => String::new(),
            };
            self.fault(name, "is not known", &mend)
        })
    }

    /// On or off.
    pub(in super::super) fn switch(&mut self, name: &str) -> bool {
        match self.text(name).as_deref() {
            None | Some("off" | "false") => false,
            Some("on" | "true") => true,
            _ => self.fault(name, "is neither", "give on or off").unwrap_or_default(),
        }
    }

    /// A duration within these bounds.
    pub(in super::super) fn span(
        &mut self,
        name: &str,
        bounds: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let said = self.text(name)?;
        parse_duration(&said).filter(|span| bounds.contains(span)).or_else(|| {
            let (least, most) = (show_duration(*bounds.start()), show_duration(*bounds.end()));
            let what = format!("{said:?} is not a duration within bounds");
            self.fault(name, &what, &format!("give {least} to {most}"))
        })
    }

    /// A size within these bounds.
    pub(in super::super) fn size(
        &mut self,
        name: &str,
        bounds: RangeInclusive<u64>,
    ) -> Option<u64> {
        let said = self.text(name)?;
        parse_size(&said).filter(|size| bounds.contains(size)).or_else(|| {
            let (least, most) = (show_size(*bounds.start()), show_size(*bounds.end()));
            let what = format!("{said:?} is not a size within bounds");
            self.fault(name, &what, &format!("give {least} to {most}"))
        })
    }

    /// A whole number within these bounds.
    pub(in super::super) fn count(
        &mut self,
        name: &str,
        bounds: RangeInclusive<u64>,
    ) -> Option<u64> {
        let said = self.text(name)?;
        said.parse().ok().filter(|count| bounds.contains(count)).or_else(|| {
            let what = format!("{said:?} is not a whole number within bounds");
            self.fault(name, &what, &format!("give {} to {}", bounds.start(), bounds.end()))
        })
    }

    /// What is read of the mapping within this one.
    pub(in super::super) fn section<T>(
        &mut self,
        name: &str,
        form: (&str, &[&str]),
        read: impl FnOnce(&mut Entry<'_, 'a, '_>) -> Option<T>,
    ) -> Option<T> {
        if !self.has(name) {
            return None;
        }
        let Some(Value::Mapping(values)) = self.values.get(name) else {
            let mend = format!("write {name}: {{{}: ...}}", form.1.join(": ..., "));
            return self.fault(name, &format!("is not {}", form.0), &mend);
        };
        let path = format!("{}.{name}", self.path);
        let mut entry = Entry::new(self.reader, self.key, path, values, form);
        let value = read(&mut entry);
        let is_whole = entry.is_whole;
        self.is_whole &= is_whole;
        value.filter(|_| is_whole)
    }

    /// Notes what is wrong with one of its values.
    pub(in super::super) fn fault<T>(&mut self, name: &str, what: &str, mend: &str) -> Option<T> {
        self.is_whole = false;
        let origin = self.reader.layers.origin(self.key);
        self.reader.faults.add(format!("{}.{name}", self.path), origin, what, mend);
        None
    }
}
