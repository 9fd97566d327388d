//! SIGHUP: passwords of users change while it runs, and users go; what else differs is named.

use super::{WRONGPASS, call, login, with};
use crate::harness::{Redis, Value, eventually};
use std::fs;

#[test]
fn passwords_change_and_users_go_while_it_runs() {
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank");
    fs::write(&file, "first\n").unwrap();
    let config = |shop: &str, more: &str| {
        format!(
            "
listen:
  default_user: off
  users:
    - {{name: shop, password: {shop}, namespace: 'shop:'}}
    - {{name: bank, password_file: '{}', namespace: 'bank:'}}
    {more}
",
            file.display()
        )
    };
    let sidecar = with(&redis, &config("one", "- {name: news, password: n, namespace: 'news:'}"));
    let mut before = login(&sidecar, "AUTH shop one");
    let mut gone = login(&sidecar, "AUTH news n");
    fs::write(&file, "second\n").unwrap();
    let newer = "- {name: mail, password: m, namespace: 'mail:'}";
    fs::write(sidecar.file("config.yaml"), config("two", newer)).unwrap();
    sidecar.hang_up();
    sidecar.wait_for_log(&["these can't change while we run", "listen.users but for passwords"]);
    let mut client = sidecar.client();
    eventually("the new password is taken", || call(&mut client, "AUTH shop two") == Value::ok());
    for line in ["AUTH shop one", "AUTH bank first", "AUTH news n", "AUTH mail m"] {
        assert_eq!(call(&mut client, line).error(), WRONGPASS, "{line}");
    }
    assert_eq!(call(&mut client, "AUTH bank second"), Value::ok());
    assert_eq!(call(&mut client, "SET k 1"), Value::ok());
    assert_eq!(call(&mut redis.direct(), "KEYS *"), Value::bulks(&["bank:k"]));
    for client in [&mut before, &mut gone] {
        assert_eq!(call(client, "SET k 1"), Value::ok(), "who is in stays");
    }
    // The same again differs in what needs a restart alone.
    fs::write(&file, "\n").unwrap();
    sidecar.hang_up();
    sidecar.wait_for_log(&["the configuration has faults", "listen.users[1].password_file"]);
    assert_eq!(call(&mut client, "AUTH bank second"), Value::ok(), "all stays as it was");
}
