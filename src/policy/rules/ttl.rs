//! `ttl`: that keys do not live for ever. A deadline that the command itself carries is put in or shortened there; what
//! can carry none is followed by an EXPIRE of our own, sent with it on the same connection.
//!
//! Longer than `max` is shortened, never refused: an entry that goes early is what a cache's app must cope with anyway.
//! None at all is the longest, so that `max` without `default` gives `max`. `require` refuses what may leave a key
//! without one, unless `default` fills it in.

use super::{Call, Judged, Place, Refusal, Rule, refuse};
use crate::command::keys::Access;
use crate::command::{Flags, Kind};
use crate::config;
use crate::policy::refusal::show_key;
use crate::wire::encode;
use std::time::Duration;

/// One rule's care for deadlines, in milliseconds.
#[derive(Debug)]
pub(super) struct Ttl {
    /// What a key gets that would have none.
    filled_in: Option<u64>,
    max: Option<u64>,
    pub(super) require: bool,
}

impl Ttl {
    pub(super) fn new(config: config::Ttl) -> Self {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let max = config.max.map(millis);
        let filled_in = config.default.map(millis).or(max.filter(|_| !config.require));
        Self { filled_in, max, require: config.require }
    }

    /// Whether it refuses anything; else it only changes.
    pub(super) fn may_refuse(&self) -> bool {
        self.require || self.max.is_some()
    }
}

/// These write to a key that is there already, or not at all: they leave its deadline as it is.
const NEED_A_KEY: [&str; 10] = [
    "lpushx",
    "rpushx",
    "lset",
    "linsert",
    "xsetid",
    "xgroup|createconsumer",
    "hexpire",
    "hexpireat",
    "hpexpire",
    "hpexpireat",
];

/// These give a key the deadline that another has, or whatever a script likes.
const PASS_ON: [&str; 3] = ["copy", "rename", "renamenx"];

/// How a command tells a time to live, in one of its arguments.
#[derive(Clone, Copy)]
struct Unit {
    /// In milliseconds.
    scale: u64,
    /// Since 1970, not from now on.
    is_absolute: bool,
}

const EX: Unit = Unit { scale: 1000, is_absolute: false };
const PX: Unit = Unit { scale: 1, is_absolute: false };
const EXAT: Unit = Unit { scale: 1000, is_absolute: true };
const PXAT: Unit = Unit { scale: 1, is_absolute: true };

/// What a command says of a deadline.
enum Said {
    /// It is in this argument.
    At(usize, Unit),
    /// The key keeps what it has, which may be none.
    Kept,
    /// It has none from now on.
    Taken,
    /// Nothing: a key that is stored has none.
    Nothing,
}

impl<'r> Call<'_, 'r> {
    pub(super) fn check_ttl(
        &self,
        out: &mut Vec<u8>,
        tried: &mut Vec<Refusal>,
    ) -> Result<Judged, Refusal> {
        if self.rules.rules.iter().all(|rule| rule.ttl.is_none()) {
            return Ok(Judged::Pass);
        }
        match self.said() {
            Some((index, said)) => {
                let place = self.ruled().find(|(place, _)| place.index == index);
                match place.map(|(place, rule)| (place, rule, rule.ttl.as_ref())) {
                    Some((place, rule, Some(ttl))) => {
                        self.adjust(&place, (rule, ttl), said, out, tried)
                    }
                    _ => Ok(Judged::Pass),
                }
            }
            None if self.may_create() => self.follow(out, tried),
            None => Ok(Judged::Pass),
        }
    }

    /// The place of the one key whose deadline the command tells, and what it tells.
    fn said(&self) -> Option<(usize, Said)> {
        let said = match self.spec.name {
            "set" => self.options(3),
            "getex" => self.options(2),
            "setex" => Said::At(2, EX),
            "psetex" | "pexpire" => Said::At(2, PX),
            "expire" => Said::At(2, EX),
            "expireat" => Said::At(2, EXAT),
            "pexpireat" => Said::At(2, PXAT),
            "persist" => Said::Taken,
            "restore" | "restore-asking" => {
                let is = |word: &[u8]| word.eq_ignore_ascii_case(b"absttl");
                let is_absolute = self.request.args().skip(4).any(is);
                match self.request.arg(2) {
                    Some(b"0") => Said::At(2, Unit { is_absolute, ..PX }),
                    _ => Said::At(2, if is_absolute { PXAT } else { PX }),
                }
            }
            _ => return None,
        };
        Some((1, said))
    }

    /// What the options of SET and GETEX say, read as the server reads them.
    fn options(&self, first: usize) -> Said {
        let is_set = self.spec.name == "set";
        let mut said = if is_set { Said::Nothing } else { Said::Kept };
        let mut words = self.request.args().enumerate().skip(first);
        while let Some((index, word)) = words.next() {
            let unit = match word.to_ascii_lowercase().as_slice() {
                b"ex" => EX,
                b"px" => PX,
                b"exat" => EXAT,
                b"pxat" => PXAT,
                b"keepttl" if is_set => {
                    said = Said::Kept;
                    continue;
                }
                b"persist" if !is_set => {
                    said = Said::Taken;
                    continue;
                }
                b"ifeq" | b"ifne" | b"ifdeq" | b"ifdne" if is_set => {
                    words.next();
                    continue;
                }
                _ => continue,
            };
            words.next();
            said = Said::At(index + 1, unit);
        }
        said
    }

    fn adjust(
        &self,
        place: &Place<'r>,
        (rule, ttl): (&Rule, &Ttl),
        said: Said,
        out: &mut Vec<u8>,
        tried: &mut Vec<Refusal>,
    ) -> Result<Judged, Refusal> {
        let is_set = self.spec.name == "set";
        let judged = match said {
            Said::At(index, unit) => self.shorten(index, unit, ttl, out),
            Said::Nothing => match ttl.filled_in {
                Some(millis) => {
                    self.extend(millis, out);
                    Judged::Changed
                }
                None => Judged::Pass,
            },
            Said::Kept if is_set && ttl.filled_in.is_some() => {
                self.expire(place.key, ttl, false, out);
                Judged::Followed
            }
            Said::Kept | Said::Taken => Judged::Pass,
        };
        let is_refused = match said {
            Said::Nothing => ttl.require && ttl.filled_in.is_none(),
            Said::Kept => is_set && ttl.require && ttl.filled_in.is_none(),
            Said::Taken => ttl.require || ttl.max.is_some(),
            Said::At(index, _) => {
                let is_none = self.spec.name.starts_with("restore")
                    && self.request.arg(index) == Some(b"0".as_slice());
                is_none && ttl.require && ttl.filled_in.is_none()
            }
        };
        if is_refused {
            refuse(self.refusal(rule, place), tried)?;
        }
        if rule.is_dry_run {
            out.clear();
            return Ok(Judged::Pass);
        }
        Ok(judged)
    }

    /// Puts the longest that may be, or what is filled in, in the place of what is said.
    fn shorten(&self, index: usize, unit: Unit, ttl: &Ttl, out: &mut Vec<u8>) -> Judged {
        let said = self.request.arg(index).and_then(number);
        let now = if unit.is_absolute { self.at.unix_ms } else { 0 };
        let is_none = said == Some(0) && self.spec.name.starts_with("restore");
        let millis = match said {
            Some(_) if is_none => ttl.filled_in,
            // What is no number, or is over already, is the server's to answer.
            Some(said) if said > 0 => {
                let wanted = u64::try_from(said).unwrap_or(u64::MAX).saturating_mul(unit.scale);
                ttl.max.filter(|max| wanted.saturating_sub(now) > *max)
            }
            _ => None,
        };
        let Some(millis) = millis else { return Judged::Pass };
        // Whole seconds, and never so few that the key is gone at once.
        let told = (now.saturating_add(millis) / unit.scale).max(1);
        encode::array_header(out, self.request.argc());
        for (place, word) in self.request.args().enumerate() {
            let own = told.to_string();
            encode::bulk(out, if place == index { own.as_bytes() } else { word });
        }
        Judged::Changed
    }

    /// The command with a deadline behind it.
    fn extend(&self, millis: u64, out: &mut Vec<u8>) {
        encode::array_header(out, self.request.argc() + 2);
        self.request.args().for_each(|word| encode::bulk(out, word));
        encode::bulk(out, b"PX");
        encode::bulk(out, millis.to_string().as_bytes());
    }

    /// Whether the command may make a key that is not there, or take away the deadline of one that is.
    fn may_create(&self) -> bool {
        let name = self.spec.name;
        let may_grow = self.spec.flags.contains(Flags::DENYOOM)
            || self.spec.kind == Kind::Script
            || PASS_ON.contains(&name)
            || name == "smove";
        may_grow && !self.spec.is_readonly() && !NEED_A_KEY.contains(&name)
    }

    /// EXPIREs for the keys that the command may make.
    fn follow(&self, out: &mut Vec<u8>, tried: &mut Vec<Refusal>) -> Result<Judged, Refusal> {
        let is_passed_on = PASS_ON.contains(&self.spec.name) || self.spec.kind == Kind::Script;
        for (place, rule) in self.ruled() {
            let Some(ttl) = &rule.ttl else { continue };
            // What is only taken from makes nothing.
            if !place.access.writes() || place.access.contains(Access::DELETE) {
                continue;
            }
            if ttl.require && ttl.filled_in.is_none() {
                refuse(self.refusal(rule, &place), tried)?;
            } else if !rule.is_dry_run {
                self.expire(place.key, ttl, is_passed_on, out);
            }
        }
        Ok(if out.is_empty() { Judged::Pass } else { Judged::Followed })
    }

    /// Gives the key a deadline if it has none, and, where it has one from elsewhere, none that is too late.
    fn expire(&self, key: &[u8], ttl: &Ttl, is_passed_on: bool, out: &mut Vec<u8>) {
        let mut say = |millis: u64, when: &[u8]| {
            encode::command(out, &[b"PEXPIRE", key, millis.to_string().as_bytes(), when]);
        };
        if let Some(millis) = ttl.filled_in {
            say(millis, b"NX");
        }
        if let Some(max) = ttl.max.filter(|_| is_passed_on) {
            say(max, b"LT");
        }
    }

    fn refusal(&self, rule: &Rule, place: &Place<'_>) -> Refusal {
        let (who, name, key) = (&self.rules.who, self.spec.name, show_key(place.key));
        let text = format!(
            "DENIED user {who} must give the key '{key}' a time to live, and '{name}' may leave it without one"
        );
        rule.refusal("ttl", text, place.key)
    }
}

/// A number as the server reads it: it may be negative.
fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
