//! What a namespace must do with each command. A command that is not named here has key specs, or is refused.

use crate::command::{Group, Kind, Spec};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Treatment {
    /// The table says where its keys are.
    Keys,
    /// It names no key, and shows and changes none.
    Pass,
    /// A script, whose declared keys are known.
    Script,
    /// This argument is a key, though the table does not say so.
    Argument(usize),
    /// This argument is a glob for keys.
    Glob(usize),
    /// SCAN.
    Scan,
    /// SORT, whose patterns name keys too.
    Sort,
    /// It speaks of the whole database, and takes many commands where it is to speak of a part.
    Whole(Whole),
    /// Its arguments are channels or patterns to listen to.
    Listen,
    /// Its first argument is a channel to publish on.
    Publish,
    /// PUBSUB's questions: channels, or a pattern for them.
    Topics,
    /// It can't be made right, for this reason.
    Refuse(&'static str),
}

/// A command about a whole database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// DBSIZE.
    Size,
    /// RANDOMKEY.
    Random,
    /// FLUSHDB.
    Flush,
    /// FLUSHALL: of every database.
    FlushAll,
}

impl Whole {
    /// What the command asks of a whole database, if it does.
    #[must_use]
    pub fn of(spec: &Spec) -> Option<Self> {
        match treatment(spec) {
            Treatment::Whole(whole) => Some(whole),
            _ => None,
        }
    }
}

const OTHERS_KEYS: &str = "it shows keys of others";
const WHOLE_SERVER: &str = "it changes the server for all who use it";
const ALL_DATABASES: &str = "it changes databases for all who use them";
const ALL_SCRIPTS: &str = "it changes the scripts of all who use the server";

/// What is to be done with a command; with a subcommand rather than its container.
pub(in super::super) fn treatment(spec: &Spec) -> Treatment {
    match spec.kind {
        Kind::Script => return Treatment::Script,
        Kind::Monitor => return Treatment::Refuse(OTHERS_KEYS),
        Kind::Replication => return Treatment::Refuse("it shows all data"),
        Kind::Shutdown => return Treatment::Refuse(WHOLE_SERVER),
        Kind::Sidecar => return sidecar(spec.name),
        Kind::Subscribe
        | Kind::PSubscribe
        | Kind::SSubscribe
        | Kind::Unsubscribe
        | Kind::PUnsubscribe
        | Kind::SUnsubscribe => return Treatment::Listen,
        _ => {}
    }
    match spec.group {
        Group::PubSub => match spec.name {
            "publish" | "spublish" => Treatment::Publish,
            "pubsub" | "pubsub|help" | "pubsub|numpat" => Treatment::Pass,
            _ => Treatment::Topics,
        },
        Group::Connection if matches!(spec.name, "client|pause" | "client|unpause") => {
            Treatment::Refuse("it holds up all who use the server")
        }
        Group::Connection => Treatment::Pass,
        Group::Scripting => scripting(spec.name),
        Group::Server => server(spec),
        Group::Cluster => cluster(spec.name),
        Group::Generic => generic(spec),
        _ => keyed(spec),
    }
}

fn keyed(spec: &Spec) -> Treatment {
    match spec.name {
        _ if !spec.keys.is_empty() => Treatment::Keys,
        "multi" | "exec" | "discard" | "unwatch" | "pfselftest" => Treatment::Pass,
        name if name.ends_with("|help") => Treatment::Pass,
        _ if spec.is_container() => Treatment::Pass,
        _ => Treatment::Refuse("where its keys are is not known"),
    }
}

fn generic(spec: &Spec) -> Treatment {
    match spec.name {
        "sort" | "sort_ro" => Treatment::Sort,
        _ if !spec.keys.is_empty() => Treatment::Keys,
        "keys" => Treatment::Glob(1),
        "scan" => Treatment::Scan,
        "randomkey" => Treatment::Whole(Whole::Random),
        "wait" | "waitaof" => Treatment::Pass,
        _ => keyed(spec),
    }
}

fn scripting(name: &str) -> Treatment {
    match name {
        "script|load" | "function|load" => Treatment::Script,
        "script|debug" => Treatment::Refuse("a debugger can reach every key"),
        "script|flush" | "function|flush" | "function|delete" | "function|restore" => {
            Treatment::Refuse(ALL_SCRIPTS)
        }
        _ => Treatment::Pass,
    }
}

fn server(spec: &Spec) -> Treatment {
    match spec.name {
        "dbsize" => Treatment::Whole(Whole::Size),
        "flushdb" => Treatment::Whole(Whole::Flush),
        "flushall" => Treatment::Whole(Whole::FlushAll),
        "swapdb" => Treatment::Refuse(ALL_DATABASES),
        "memory|usage" | "restore-asking" => Treatment::Keys,
        "acl|cat" | "acl|genpass" | "acl|help" | "acl|whoami" => Treatment::Pass,
        "slowlog|get" => Treatment::Refuse(OTHERS_KEYS),
        "debug" => Treatment::Refuse("it can reach every key"),
        "failover" | "replicaof" | "slaveof" | "slowlog|reset" => Treatment::Refuse(WHOLE_SERVER),
        "module|load" | "module|loadex" | "module|unload" => Treatment::Refuse(WHOLE_SERVER),
        name if name.starts_with("acl|") => Treatment::Refuse("it shows or changes others' rights"),
        "bgrewriteaof" | "bgsave" | "command" | "info" | "lastsave" | "lolwut" | "role"
        | "save" | "time" => Treatment::Pass,
        name if is_below(
            name,
            &["command", "config", "latency", "memory", "module", "slowlog"],
        ) =>
        {
            Treatment::Pass
        }
        _ if spec.is_container() => Treatment::Pass,
        _ => keyed(spec),
    }
}

fn is_below(name: &str, containers: &[&str]) -> bool {
    name.split_once('|').is_some_and(|(container, _)| containers.contains(&container))
}

fn cluster(name: &str) -> Treatment {
    match name {
        "cluster|keyslot" => Treatment::Argument(2),
        "asking" | "readonly" | "readwrite" | "cluster" | "cluster|help" | "cluster|info"
        | "cluster|links" | "cluster|myid" | "cluster|myshardid" | "cluster|nodes"
        | "cluster|replicas" | "cluster|shards" | "cluster|slaves" | "cluster|slots" => {
            Treatment::Pass
        }
        "cluster|getkeysinslot" | "cluster|countkeysinslot" => Treatment::Refuse(OTHERS_KEYS),
        _ => Treatment::Refuse(WHOLE_SERVER),
    }
}

fn sidecar(name: &str) -> Treatment {
    match name {
        "sidecar|bigkeys" | "sidecar|hotkeys" | "sidecar|slowlog" => {
            Treatment::Refuse("it shows keys of others; ask the admin port")
        }
        _ => Treatment::Pass,
    }
}
