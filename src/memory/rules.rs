//! The rules, ready to be asked: what a key gets while the upstream is away.

use crate::command::glob::Pattern;
use crate::config::{Fallback, MAX_STALE, Rule};
use std::time::Duration;

/// What keys get, by the first rule that matches.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<(Pattern, Verdict)>,
    /// What keys may begin with that apps don't know of, in order. None begins with another.
    namespaces: Vec<Box<[u8]>>,
}

/// What a key gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// From where reads, and writes, are served.
    pub fallback: Fallback,
    /// How old a stale reply may be.
    pub max_stale: Duration,
}

impl Rules {
    /// As they were configured.
    #[must_use]
    pub fn new(rules: &[Rule]) -> Self {
        let compile = |rule: &Rule| {
            let verdict = Verdict { fallback: rule.fallback, max_stale: rule.max_stale };
            (Pattern::new(rule.pattern.as_bytes()), verdict)
        };
        Self { rules: rules.iter().map(compile).collect(), namespaces: Vec::new() }
    }

    /// For keys as they are upstream, where those of apps lie in these namespaces.
    #[must_use]
    pub fn within<'n>(mut self, namespaces: impl Iterator<Item = &'n str>) -> Self {
        self.namespaces = namespaces.map(|own| own.as_bytes().into()).collect();
        self.namespaces.sort_unstable();
        self.namespaces.dedup();
        self
    }

    /// What this key gets; stale replies where no rule says.
    #[must_use]
    pub fn verdict(&self, key: &[u8]) -> Verdict {
        let key = self.own(key);
        let found = self.rules.iter().find(|(pattern, _)| pattern.matches(key));
        found.map_or(DEFAULT, |(_, verdict)| *verdict)
    }

    /// A key as its app knows it. Between a namespace and a key in it only what begins with that namespace could
    /// stand, so the last one before the key is the only one that it can lie in.
    fn own<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        let behind = self.namespaces.partition_point(|namespace| **namespace <= *key);
        let namespace = behind.checked_sub(1).map(|at| &*self.namespaces[at]);
        namespace.and_then(|namespace| key.strip_prefix(namespace)).unwrap_or(key)
    }

    /// What all of these keys get together; `None` where they differ, or there are none.
    #[must_use]
    pub fn verdict_of_all<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) -> Option<Verdict> {
        let mut all: Option<Verdict> = None;
        for key in keys {
            let one = self.verdict(key);
            all = match all {
                None => Some(one),
                Some(before) if before.fallback == one.fallback => {
                    Some(Verdict { max_stale: before.max_stale.min(one.max_stale), ..before })
                }
                Some(_) => return None,
            };
        }
        all
    }

    /// The longest that any reply may be stale; `None` where none may be.
    #[must_use]
    pub fn longest_stale(&self) -> Option<Duration> {
        let ends = self.rules.iter().position(|(pattern, _)| matches!(pattern, Pattern::All));
        let own = self.rules.iter().take(ends.map_or(self.rules.len(), |end| end + 1));
        let rest = ends.is_none().then_some(&DEFAULT);
        let all = own.map(|(_, verdict)| verdict).chain(rest);
        let stale = all.filter(|verdict| verdict.fallback == Fallback::Stale);
        stale.map(|verdict| verdict.max_stale).max()
    }

    /// The shortest, to which ages must be known.
    #[must_use]
    pub fn shortest_stale(&self) -> Duration {
        let stale = self.rules.iter().filter(|(_, it)| it.fallback == Fallback::Stale);
        stale.map(|(_, verdict)| verdict.max_stale).min().unwrap_or(MAX_STALE).min(MAX_STALE)
    }

    /// Whether any key is served by an engine of our own.
    #[must_use]
    pub fn has_local(&self) -> bool {
        self.rules.iter().any(|(_, verdict)| verdict.fallback == Fallback::Local)
    }
}

const DEFAULT: Verdict = Verdict { fallback: Fallback::Stale, max_stale: MAX_STALE };

#[cfg(test)]
mod tests {
    use super::{Rules, Verdict};
    use crate::config::{Fallback, Rule};
    use std::time::Duration;

    fn rules(list: &[(&str, Fallback, u64)]) -> Rules {
        let rule = |(pattern, fallback, seconds): &(&str, Fallback, u64)| Rule {
            fallback: *fallback,
            max_stale: Duration::from_secs(*seconds),
            ..Rule::of(pattern)
        };
        Rules::new(&list.iter().map(rule).collect::<Vec<_>>())
    }

    fn stale(seconds: u64) -> Verdict {
        Verdict { fallback: Fallback::Stale, max_stale: Duration::from_secs(seconds) }
    }

    #[test]
    fn the_first_rule_that_matches_counts() {
        let rules = rules(&[
            ("rl:*", Fallback::Local, 9),
            ("user:[0-9]*:name", Fallback::Stale, 5),
            ("user:*", Fallback::None, 9),
            ("price", Fallback::Stale, 30),
        ]);
        assert_eq!(rules.verdict(b"rl:7").fallback, Fallback::Local);
        assert_eq!(rules.verdict(b"user:12:name"), stale(5));
        assert_eq!(rules.verdict(b"user:x:name").fallback, Fallback::None);
        assert_eq!(rules.verdict(b"price"), stale(30));
        assert_eq!(rules.verdict(b"price2"), stale(600));
        assert_eq!(rules.longest_stale(), Some(Duration::from_secs(600)));
        assert_eq!(rules.shortest_stale(), Duration::from_secs(5));
        assert!(rules.has_local());
    }

    #[test]
    fn keys_are_known_by_the_names_that_apps_have_for_them() {
        let namespaces = ["shop:", "bank:", "shop-", "shopa:", "a", "shop:"].into_iter();
        let rules = rules(&[("rl:*", Fallback::Local, 9)]).within(namespaces);
        for (key, fallback) in [
            (&b"shop:rl:1"[..], Fallback::Local),
            (b"bank:rl:1", Fallback::Local),
            (b"shop:shop:rl:1", Fallback::Stale),
            (b"shop-rl:1", Fallback::Local),
            (b"shopa:rl:", Fallback::Local),
            (b"shop:rl:\xff", Fallback::Local),
            (b"arl:1", Fallback::Local),
            (b"shoprl:1", Fallback::Stale),
            (b"shop", Fallback::Stale),
            (b"", Fallback::Stale),
            (b"rl:1", Fallback::Local),
            (b"shop:x", Fallback::Stale),
        ] {
            assert_eq!(rules.verdict(key).fallback, fallback);
        }
    }

    #[test]
    fn several_keys_must_agree() {
        let rules = rules(&[("rl:*", Fallback::Local, 9), ("p:*", Fallback::Stale, 30)]);
        let all = |keys: &[&str]| rules.verdict_of_all(keys.iter().map(|key| key.as_bytes()));
        assert_eq!(all(&["a", "p:1"]), Some(stale(30)));
        assert_eq!(all(&["rl:1", "rl:2"]).unwrap().fallback, Fallback::Local);
        assert_eq!(all(&["rl:1", "a"]), None);
        assert_eq!(all(&[]), None);
    }

    #[test]
    fn where_nothing_may_be_stale_nothing_need_be_kept() {
        assert_eq!(rules(&[("*", Fallback::None, 9)]).longest_stale(), None);
        assert_eq!(
            rules(&[
                ("a", Fallback::Stale, 9),
                ("*", Fallback::Local, 9),
                ("b", Fallback::Stale, 99)
            ])
            .longest_stale(),
            Some(Duration::from_secs(9))
        );
        assert_eq!(rules(&[]).longest_stale(), Some(Duration::from_secs(600)));
    }
}
