//! The layers to a `Config`: each section read, then what must hold between keys.
//! Every section is read to its end before it is given up, so that all faults are found at once.
//! The upstream, whose parts have more than one source, is checked in `upstream`.

use std::path::Path;

use super::{
    Access, Admin, Breaker, Config, Format, Jitter, Level, Listen, ListenTls, Log, Memory,
    Password, Pool, Retry, RetryWrites, Secret, SlowLog, commands, fault::Faults, keys,
    layers::Layers, limits, namespace, otlp, read::Reader, rules, upstream, users,
};

/// The longest path that a Unix socket's address can hold, on Linux (`sun_path`, without its NUL).
const LONGEST_SOCKET_PATH: usize = 107;

/// Checks all; `None` where there was a fault.
pub(super) fn check(layers: &Layers, faults: &mut Faults) -> Option<Config> {
    let mut reader =
        Reader { layers, faults, warnings: layers.warnings.clone(), origins: layers.origins() };
    let listen = listen(&mut reader);
    let limits = limits::limits(&mut reader);
    let admin = admin(&mut reader, listen.as_ref());
    let upstream = upstream::check(&mut reader, listen.as_ref());
    let retry = retry(&mut reader);
    let breaker = breaker(&mut reader);
    let maxmemory = reader.size(&keys::MEMORY_MAXMEMORY);
    let threshold = reader.span_or_off(&keys::SLOWLOG_THRESHOLD);
    let cache = rules::cache(&mut reader);
    let namespace = namespace::namespace(&mut reader);
    let commands = commands::commands(&mut reader);
    let default_access = reader.word(&keys::DEFAULT_ACCESS).map(Access::of);
    let audit = reader.switch(&keys::AUDIT);
    let rules = rules::rules(&mut reader);
    let top = namespace.as_ref().zip(commands.as_ref());
    let users = users::users(&mut reader, listen.as_ref(), top);
    let is_workers_auto = reader.text(&keys::WORKERS).eq_ignore_ascii_case("auto");
    let workers = if is_workers_auto { Some(cores()) } else { reader.count(&keys::WORKERS) };
    let busy_poll = reader.span_or_off(&keys::BUSY_POLL);
    let log = log(&mut reader);
    let sample = otlp::sample(&mut reader);
    let otlp = otlp::check(&mut reader, cfg!(feature = "otlp"));
    let drain_timeout = reader.span(&keys::DRAIN_TIMEOUT);
    Some(Config {
        listen: Listen { users: users?, ..listen? },
        limits: limits?,
        admin: admin?,
        upstream: upstream?,
        retry: retry?,
        breaker: breaker?,
        memory: Memory { maxmemory: maxmemory? },
        slowlog: SlowLog { threshold: threshold? },
        cache: cache?,
        namespace: namespace?,
        commands: commands?,
        default_access: default_access?,
        audit: audit?,
        rules: rules?,
        workers: workers?,
        is_workers_auto,
        busy_poll: busy_poll?,
        log: log?,
        sample: sample?,
        otlp: otlp?,
        drain_timeout: drain_timeout?,
        warnings: reader.warnings,
        origins: reader.origins,
    })
}

fn listen(reader: &mut Reader<'_>) -> Option<Listen> {
    let address = reader.address(&keys::LISTEN_ADDRESS);
    let unix_socket = reader.path(&keys::LISTEN_UNIX_SOCKET);
    let password_file = reader.path(&keys::LISTEN_PASSWORD_FILE);
    let password = listen_password(reader, password_file.as_deref());
    let default_user = reader.switch(&keys::LISTEN_DEFAULT_USER);
    let tls = listen_tls(reader);
    let max_clients = reader.count(&keys::LISTEN_MAX_CLIENTS);
    let max_in_flight = reader.count(&keys::LISTEN_MAX_IN_FLIGHT);
    let idle_timeout = reader.span_or_off(&keys::LISTEN_IDLE_TIMEOUT);
    if let Some(path) = &unix_socket {
        check_socket_path(reader, path);
    }
    if address == Some(None) && unix_socket.is_none() {
        let mend = "give an address, or listen.unix_socket";
        reader.fault::<()>(&keys::LISTEN_ADDRESS, "is off, and there is no other way in", mend);
    }
    let is_open = address.flatten().is_some_and(|address| !address.ip().is_loopback());
    let is_asked = default_user == Some(false) || !matches!(password, Some(None));
    if is_open && !is_asked && !matches!(&tls, Some(Some(tls)) if tls.client_ca_file.is_some()) {
        let warning =
            "other machines can reach this address, and no listen.password is asked of them";
        reader.warn(&keys::LISTEN_ADDRESS, warning);
    }
    Some(Listen {
        address: address?,
        unix_socket,
        password: password?,
        password_file,
        default_user: default_user?,
        users: Vec::new(),
        tls: tls?,
        max_clients: max_clients?,
        max_in_flight: max_in_flight?,
        idle_timeout: idle_timeout?,
    })
}

/// What clients must AUTH with: as it is written, or from a file.
fn listen_password(reader: &mut Reader<'_>, file: Option<&Path>) -> Option<Option<Secret>> {
    let key = &keys::LISTEN_PASSWORD_FILE;
    let password = match (reader.secret(&keys::LISTEN_PASSWORD), file) {
        (Some(_), Some(_)) => {
            return reader.fault(key, "is given beside listen.password", "give one of the two");
        }
        (None, Some(file)) => match users::read_password(file) {
            Ok(secret) => Some(secret),
            Err((what, mend)) => return reader.fault(key, &what, mend),
        },
        (password, None) => password,
    };
    if password.as_ref().is_some_and(|secret| Password::new(secret).is_none()) {
        return reader.fault(&keys::LISTEN_PASSWORD, users::NO_HASH, users::GIVE_HASH);
    }
    Some(password)
}

fn listen_tls(reader: &mut Reader<'_>) -> Option<Option<ListenTls>> {
    let cert_file = reader.path(&keys::LISTEN_CERT_FILE);
    let key_file = reader.path(&keys::LISTEN_KEY_FILE);
    let client_ca_file = reader.path(&keys::LISTEN_CLIENT_CA_FILE);
    reader.check_file(&keys::LISTEN_CERT_FILE, cert_file.as_deref());
    reader.check_file(&keys::LISTEN_KEY_FILE, key_file.as_deref());
    reader.check_file(&keys::LISTEN_CLIENT_CA_FILE, client_ca_file.as_deref());
    match (cert_file, key_file) {
        (Some(cert_file), Some(key_file)) => {
            Some(Some(ListenTls { cert_file, key_file, client_ca_file }))
        }
        (None, None) if client_ca_file.is_none() => Some(None),
        (None, None) => {
            let mend = "give listen.tls.cert_file and listen.tls.key_file too";
            reader.fault(&keys::LISTEN_CLIENT_CA_FILE, "asks for TLS that has no certificate", mend)
        }
        (Some(_), None) => {
            let mend = "give listen.tls.key_file too";
            reader.fault(&keys::LISTEN_CERT_FILE, "has no private key beside it", mend)
        }
        (None, Some(_)) => {
            let mend = "give listen.tls.cert_file too";
            reader.fault(&keys::LISTEN_KEY_FILE, "has no certificate beside it", mend)
        }
    }
}

fn check_socket_path(reader: &mut Reader<'_>, path: &Path) {
    let key = &keys::LISTEN_UNIX_SOCKET;
    if path.as_os_str().len() > LONGEST_SOCKET_PATH {
        let what = format!("is longer than {LONGEST_SOCKET_PATH} bytes");
        reader.fault::<()>(key, &what, "give a shorter path");
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        reader.fault::<()>(
            key,
            "lies in a directory that is not there",
            "make the directory first",
        );
    }
    if path.is_dir() {
        reader.fault::<()>(key, "is a directory", "give a path for the socket itself");
    }
}

fn admin(reader: &mut Reader<'_>, listen: Option<&Listen>) -> Option<Admin> {
    let address = reader.address(&keys::ADMIN_ADDRESS);
    let ready_in_outage = reader.switch(&keys::ADMIN_READY_IN_OUTAGE);
    let health_key = reader.text(&keys::ADMIN_HEALTH_KEY).to_owned();
    let quit = reader.switch(&keys::ADMIN_QUIT);
    let address = address?;
    let apps = listen.and_then(|listen| listen.address);
    if address.is_some_and(|address| address.port() != 0 && Some(address) == apps) {
        let what = "is listen.address too";
        return reader.fault(&keys::ADMIN_ADDRESS, what, "give another port, or off");
    }
    if quit? && address.is_some_and(|address| !address.ip().is_loopback()) {
        reader.warn(&keys::ADMIN_QUIT, "whoever reaches admin.address can end this sidecar");
    }
    Some(Admin { address, ready_in_outage: ready_in_outage?, health_key, quit: quit? })
}

fn log(reader: &mut Reader<'_>) -> Option<Log> {
    let level = reader.word(&keys::LOG_LEVEL).map(|word| match word {
        "error" => Level::Error,
        "warn" => Level::Warn,
        "debug" => Level::Debug,
        "trace" => Level::Trace,
        _ => Level::Info,
    });
    let format = reader.word(&keys::LOG_FORMAT).map(|word| match word {
        "json" => Format::Json,
        _ => Format::Text,
    });
    Some(Log { level: level?, format: format? })
}

/// The pool of checkouts; called from `upstream`.
pub(super) fn pool(reader: &mut Reader<'_>) -> Option<Pool> {
    let min = reader.count::<usize>(&keys::POOL_MIN);
    let max = reader.count::<usize>(&keys::POOL_MAX);
    let acquire_timeout = reader.span(&keys::POOL_ACQUIRE_TIMEOUT);
    let idle_timeout = reader.span_or_off(&keys::POOL_IDLE_TIMEOUT);
    reader.check_order((&keys::POOL_MIN, min), (&keys::POOL_MAX, max));
    Some(Pool {
        min: min?,
        max: max?,
        acquire_timeout: acquire_timeout?,
        idle_timeout: idle_timeout?,
    })
}

fn retry(reader: &mut Reader<'_>) -> Option<Retry> {
    let attempts = reader.count(&keys::RETRY_ATTEMPTS);
    let initial_delay = reader.span(&keys::RETRY_INITIAL_DELAY);
    let max_delay = reader.span(&keys::RETRY_MAX_DELAY);
    let jitter = reader.word(&keys::RETRY_JITTER).map(|word| match word {
        "none" => Jitter::None,
        _ => Jitter::Full,
    });
    let writes = reader.word(&keys::RETRY_WRITES).map(|word| match word {
        "unsent" => RetryWrites::Unsent,
        "always" => RetryWrites::Always,
        _ => RetryWrites::Refused,
    });
    reader.check_order(
        (&keys::RETRY_INITIAL_DELAY, initial_delay),
        (&keys::RETRY_MAX_DELAY, max_delay),
    );
    if writes == Some(RetryWrites::Always) {
        let warning = "a write whose fate is not known is sent again, and may be applied twice";
        reader.warn(&keys::RETRY_WRITES, warning);
    }
    Some(Retry {
        attempts: attempts?,
        initial_delay: initial_delay?,
        max_delay: max_delay?,
        jitter: jitter?,
        writes: writes?,
    })
}

fn breaker(reader: &mut Reader<'_>) -> Option<Breaker> {
    let grace = reader.span(&keys::BREAKER_GRACE);
    let failures = reader.count(&keys::BREAKER_FAILURES);
    let window = reader.span(&keys::BREAKER_WINDOW);
    let cooldown = reader.span(&keys::BREAKER_COOLDOWN);
    let max_cooldown = reader.span(&keys::BREAKER_MAX_COOLDOWN);
    reader.check_order(
        (&keys::BREAKER_COOLDOWN, cooldown),
        (&keys::BREAKER_MAX_COOLDOWN, max_cooldown),
    );
    Some(Breaker {
        grace: grace?,
        failures: failures?,
        window: window?,
        cooldown: cooldown?,
        max_cooldown: max_cooldown?,
    })
}

/// One worker for two cores that this process may use; 1 where the system does not say.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, 1024))
}
