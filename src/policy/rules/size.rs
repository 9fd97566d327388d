//! `max_value`: how large a value may be that one argument brings. SETRANGE, SETBIT and BITFIELD say how far they reach,
//! and so how large the value becomes; what APPEND and pushes heap up over time can't be seen from here.

use super::{Call, Place, Refusal, Rule, refuse};
use crate::command::Kind;
use crate::config::show_size;
use crate::policy::refusal::show_key;

impl Call<'_, '_> {
    pub(super) fn check_size(&self, tried: &mut Vec<Refusal>) -> Result<(), Refusal> {
        let rules = &self.rules.rules;
        let is_small = |most: u64| self.request.bytes().len() as u64 <= most && !self.reaches();
        if rules.iter().filter_map(|rule| rule.max_value).all(is_small) {
            return Ok(());
        }
        // Each with the value behind it.
        let is_paired = matches!(self.spec.name, "mset" | "msetnx");
        let mut values = self.request.args().skip(2).step_by(2);
        let largest = if is_paired { 0 } else { self.largest() };
        for place in self.places() {
            let own = values.next().filter(|_| is_paired).map(|value| value.len() as u64);
            let Some(rule) = place.rule.and_then(|rule| rules.get(rule)) else { continue };
            let size = own.unwrap_or(largest);
            if let Some(most) = rule.max_value.filter(|most| size > *most)
                && self.writes(&place)
            {
                refuse(self.too_large(rule, &place, size, most), tried)?;
            }
        }
        Ok(())
    }

    fn too_large(&self, rule: &Rule, place: &Place<'_>, size: u64, most: u64) -> Refusal {
        let (who, name) = (&self.rules.who, self.spec.name);
        let (key, most) = (show_key(place.key), show_size(most));
        let text = format!(
            "DENIED user {who} may store {most} in one value of the key '{key}', and '{name}' brings {size} bytes"
        );
        rule.refusal("max_value", text, place.key)
    }

    /// The size of the largest argument that is no key, or of what the command makes of the value.
    fn largest(&self) -> u64 {
        // A script's text is none of its values.
        let first = if self.spec.kind == Kind::Script { 2 } else { 1 };
        let values = self.request.args().enumerate().skip(first);
        let values = values.filter(|(index, _)| self.keys.access(*index).is_none());
        let largest = values.map(|(_, value)| value.len() as u64).max().unwrap_or(0);
        largest.max(self.reach())
    }

    /// Whether the command reaches further than it is long.
    fn reaches(&self) -> bool {
        matches!(self.spec.name, "setrange" | "setbit" | "bitfield")
    }

    /// Bytes up to the end of what the command writes.
    fn reach(&self) -> u64 {
        let number = |index: usize| self.request.arg(index).and_then(number);
        match self.spec.name {
            "setrange" => {
                let length = self.request.arg(3).map_or(0, |value| value.len() as u64);
                number(2).unwrap_or(0).saturating_add(length)
            }
            "setbit" => number(2).map_or(0, |bit| bit / 8 + 1),
            "bitfield" => self.bitfield_reach(),
            _ => 0,
        }
    }

    /// `SET type offset value` and `INCRBY type offset step`, where `#n` is the n-th of its width.
    fn bitfield_reach(&self) -> u64 {
        let words: Vec<&[u8]> = self.request.args().skip(2).collect();
        let writes =
            |word: &[u8]| word.eq_ignore_ascii_case(b"set") || word.eq_ignore_ascii_case(b"incrby");
        let reach = |window: &[&[u8]]| {
            let [word, kind, offset, ..] = window else { return 0 };
            let width = kind.get(1..).and_then(number).unwrap_or(64);
            let first = match offset.strip_prefix(b"#") {
                Some(place) => number(place).unwrap_or(0).saturating_mul(width),
                None => number(offset).unwrap_or(0),
            };
            if writes(word) { first.saturating_add(width).div_ceil(8) } else { 0 }
        };
        words.windows(3).map(reach).max().unwrap_or(0)
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
