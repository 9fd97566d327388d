//! Commands whose options say where keys are: read option by option, as the server does.
//!
//! An option that is not known is an error: its argument could hide a key. When an option comes
//! twice the last one counts, as on the server.

use super::super::flags::Flags;
use super::super::spec::Spec;
use super::{Access, Args, KeySpec, Keys, KeysError, Span};

type Found = Result<Keys, KeysError>;

/// The keys of a command that must be read option by option; `None` for all others.
pub(super) fn keys<A: Args + ?Sized>(spec: &Spec, args: &A) -> Option<Found> {
    let variable = |key: &KeySpec| key.access.contains(Access::VARIABLE_FLAGS);
    if !spec.flags.contains(Flags::MOVABLEKEYS) && !spec.keys.first().is_some_and(variable) {
        return None;
    }
    Some(match spec.name {
        "set" => Ok(set(args)),
        "bitfield" => Ok(bitfield(args)),
        "sort" | "sort_ro" => sort(spec, args),
        "georadius" => georadius(spec, args, 6),
        "georadiusbymember" => georadius(spec, args, 5),
        "xread" | "xreadgroup" => xread(spec, args),
        "migrate" => migrate(spec, args),
        _ => return None,
    })
}

/// Whether XREAD or XREADGROUP has its BLOCK option. Behind an option that is not known every
/// BLOCK counts: a connection held in vain costs less than a shared one that blocks.
pub fn asks_to_block<A: Args + ?Sized>(args: &A) -> bool {
    let mut at = 1;
    loop {
        match stream_option(args, at) {
            Some(StreamOption::Block) => return true,
            Some(StreamOption::Other(width)) => at += width,
            Some(StreamOption::Streams) => return false,
            None => return (at..args.argc()).any(|index| is(args, index, "block")),
        }
    }
}

/// The places of SORT's and SORT_RO's BY and GET patterns that name keys: all but `#` and those
/// without a `*`, which look up nothing. Nothing for other commands.
pub fn patterns<'a, A: Args + ?Sized>(
    spec: &Spec,
    args: &'a A,
) -> impl Iterator<Item = usize> + use<'a, A> {
    let stores = spec.name == "sort";
    let mut at = if stores || spec.name == "sort_ro" { 2 } else { usize::MAX };
    std::iter::from_fn(move || {
        while let Some(option) = sort_option(args, at, stores) {
            let value = at + 1;
            at += option.width();
            let names_keys = || args.arg(value).is_some_and(|pattern| pattern.contains(&b'*'));
            if matches!(option, SortOption::Pattern) && names_keys() {
                return Some(value);
            }
        }
        None
    })
}

fn is<A: Args + ?Sized>(args: &A, index: usize, word: &str) -> bool {
    args.arg(index).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
}

fn is_any<A: Args + ?Sized>(args: &A, index: usize, words: &[&str]) -> bool {
    words.iter().any(|word| is(args, index, word))
}

fn first_key(access: Access) -> Keys {
    let mut keys = Keys::default();
    keys.push(Span::one(1, access));
    keys
}

/// SET reads the old value only when it says GET (or, since 8.4, compares it).
fn set<A: Args + ?Sized>(args: &A) -> Keys {
    let reads = ["get", "ifeq", "ifne", "ifdeq", "ifdne"];
    let access = if (3..args.argc()).any(|at| is_any(args, at, &reads)) {
        Access::RW | Access::ACCESS | Access::UPDATE
    } else {
        Access::OW | Access::UPDATE
    };
    first_key(access)
}

/// BITFIELD that only has GETs only reads. What is not understood is taken for a write.
fn bitfield<A: Args + ?Sized>(args: &A) -> Keys {
    let mut at = 2;
    while at < args.argc() {
        let left = args.argc() - at - 1;
        at += match () {
            () if left >= 2 && is(args, at, "get") => 3,
            () if left >= 1 && is(args, at, "overflow") => 2,
            () => break,
        };
    }
    let access = if at < args.argc() {
        Access::RW | Access::ACCESS | Access::UPDATE
    } else {
        Access::RO | Access::ACCESS
    };
    first_key(access)
}

enum SortOption {
    Flag,
    Limit,
    Pattern,
    Store,
}

impl SortOption {
    const fn width(&self) -> usize {
        match self {
            Self::Flag => 1,
            Self::Limit => 3,
            Self::Pattern | Self::Store => 2,
        }
    }
}

fn sort_option<A: Args + ?Sized>(args: &A, at: usize, stores: bool) -> Option<SortOption> {
    let left = args.argc().checked_sub(at)?.checked_sub(1)?;
    if is_any(args, at, &["asc", "desc", "alpha"]) {
        Some(SortOption::Flag)
    } else if left >= 2 && is(args, at, "limit") {
        Some(SortOption::Limit)
    } else if left >= 1 && stores && is(args, at, "store") {
        Some(SortOption::Store)
    } else if left >= 1 && is_any(args, at, &["by", "get"]) {
        Some(SortOption::Pattern)
    } else {
        None
    }
}

fn sort<A: Args + ?Sized>(spec: &Spec, args: &A) -> Found {
    let mut keys = first_key(Access::RO | Access::ACCESS);
    let (mut at, mut store) = (2, None);
    while at < args.argc() {
        let option = sort_option(args, at, spec.name == "sort");
        let option = option.ok_or(KeysError::Option(spec.name))?;
        if matches!(option, SortOption::Store) {
            store = Some(at + 1);
        }
        at += option.width();
    }
    if let Some(index) = store {
        keys.push(Span::one(index, Access::OW | Access::UPDATE));
    }
    Ok(keys)
}

fn georadius<A: Args + ?Sized>(spec: &Spec, args: &A, options: usize) -> Found {
    let mut keys = first_key(Access::RO | Access::ACCESS);
    let (mut at, mut store) = (options, None);
    while at < args.argc() {
        let left = args.argc() - at - 1;
        at += match () {
            () if is_any(args, at, &["withdist", "withhash", "withcoord"]) => 1,
            () if is_any(args, at, &["asc", "desc", "any"]) => 1,
            () if left >= 1 && is(args, at, "count") => 2,
            () if left >= 1 && is_any(args, at, &["store", "storedist"]) => {
                store = Some(at + 1);
                2
            }
            () => return Err(KeysError::Option(spec.name)),
        };
    }
    if let Some(index) = store {
        keys.push(Span::one(index, Access::OW | Access::UPDATE));
    }
    Ok(keys)
}

enum StreamOption {
    Block,
    Streams,
    /// Another one, this many arguments wide.
    Other(usize),
}

fn stream_option<A: Args + ?Sized>(args: &A, at: usize) -> Option<StreamOption> {
    let left = args.argc().checked_sub(at)?.checked_sub(1)?;
    if left >= 1 && is(args, at, "streams") {
        Some(StreamOption::Streams)
    } else if left >= 1 && is(args, at, "block") {
        Some(StreamOption::Block)
    } else if left >= 1 && is_any(args, at, &["count", "claim"]) {
        Some(StreamOption::Other(2))
    } else if left >= 2 && is(args, at, "group") {
        Some(StreamOption::Other(3))
    } else if is(args, at, "noack") {
        Some(StreamOption::Other(1))
    } else {
        None
    }
}

/// The first half of what follows STREAMS.
fn xread<A: Args + ?Sized>(spec: &Spec, args: &A) -> Found {
    let mut at = 1;
    let start = loop {
        match stream_option(args, at).ok_or(KeysError::Option(spec.name))? {
            StreamOption::Streams => break at + 1,
            StreamOption::Block => at += 2,
            StreamOption::Other(width) => at += width,
        }
    };
    let rest = args.argc() - start;
    if !rest.is_multiple_of(2) {
        return Err(KeysError::Count(spec.name));
    }
    let access = spec.keys.first().map_or(Access::RO, |key| key.access);
    let mut keys = Keys::default();
    keys.push(Span { start, end: start + rest / 2, step: 1, access });
    Ok(keys)
}

/// The key at 3 or, when that is empty, all that follows KEYS.
fn migrate<A: Args + ?Sized>(spec: &Spec, args: &A) -> Found {
    let access = Access::RW | Access::ACCESS | Access::DELETE;
    let single = args.arg(3).ok_or(KeysError::Arity(spec.name))?;
    let mut keys = Keys::default();
    let mut at = 6;
    while at < args.argc() {
        let left = args.argc() - at - 1;
        at += match () {
            () if is_any(args, at, &["copy", "replace"]) => 1,
            () if left >= 1 && is(args, at, "auth") => 2,
            () if left >= 2 && is(args, at, "auth2") => 3,
            () if left >= 1 && single.is_empty() && is(args, at, "keys") => {
                keys.push(Span { start: at + 1, end: args.argc(), step: 1, access });
                return Ok(keys);
            }
            () => return Err(KeysError::Option(spec.name)),
        };
    }
    keys.push(Span::one(3, access));
    Ok(keys)
}
