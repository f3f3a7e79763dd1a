use serde_json::{Value, json};

use super::{
    containers::Kind,
    image::Image,
    infrastructure::{component, list, name, seconds_since},
};

/// A row for each container of a pod: `pod/container`, its kind, and its facts.
pub(super) fn rows(pod: &Value) -> Vec<(String, Kind, Value)> {
    let spec = &pod["spec"];
    let of = |key: &str, statuses: &'static str, kind: fn(&Value) -> Kind| {
        let all = list(&spec[key]).iter();
        all.map(|container| (container.clone(), statuses, kind(container))).collect::<Vec<_>>()
    };
    let init = |container: &Value| if container["restartPolicy"] == "Always" { Kind::Sidecar } else { Kind::Init };
    [
        of("containers", "containerStatuses", |_| Kind::Main),
        of("initContainers", "initContainerStatuses", init),
        of("ephemeralContainers", "ephemeralContainerStatuses", |_| Kind::Ephemeral),
    ]
    .into_iter()
    .flatten()
    .map(|(container, statuses, kind)| {
        let status = list(&pod["status"][statuses]).iter().find(|status| status["name"] == container["name"]);
        let id = format!("{}/{}", name(pod), container["name"].as_str().unwrap_or_default());
        let mut row = json!({"component": component(pod), "kind": kind.word()});
        for part in [
            image(&container, status),
            security(&spec["securityContext"], &container["securityContext"]),
            resources(&container["resources"]),
            probes(&container),
            life(kind, status),
        ] {
            if let (Value::Object(row), Value::Object(part)) = (&mut row, part) {
                row.extend(part);
            }
        }
        (id, kind, row)
    })
    .collect()
}

fn image(container: &Value, status: Option<&Value>) -> Value {
    let text = container["image"].as_str().unwrap_or_default();
    let image = Image::read(text);
    let running = status.and_then(|status| status["imageID"].as_str()).filter(|id| !id.is_empty());
    let digest_runs = image.digest.zip(running).map(|(digest, running)| running.ends_with(digest));
    json!({
        "image": text,
        "tag": image.tag,
        "pinned_by": image.pinned_by(),
        "digest_runs": digest_runs,
        // The same name may be another image at the next start.
        "pulled_anew": container["imagePullPolicy"] == "Always" && image.digest.is_none(),
    })
}

fn security(pod: &Value, container: &Value) -> Value {
    let either = |key: &str| if container[key].is_null() { pod[key].clone() } else { container[key].clone() };
    let words = |key: &str| -> Vec<String> {
        list(&container["capabilities"][key]).iter().filter_map(Value::as_str).map(str::to_uppercase).collect()
    };
    let seccomp = either("seccompProfile")["type"].as_str().unwrap_or("unset").to_owned();
    json!({
        "run_as_user": either("runAsUser"),
        "non_root": either("runAsNonRoot") == true,
        "read_only_root": container["readOnlyRootFilesystem"] == true,
        "caps_dropped": words("drop"),
        "caps_added": words("add"),
        "privileged": container["privileged"] == true,
        // What is not said is permitted.
        "privilege_escalation": container["allowPrivilegeEscalation"] != false,
        "proc_mount": container["procMount"].as_str().unwrap_or("Default"),
        "seccomp": seccomp,
    })
}

fn resources(resources: &Value) -> Value {
    let names = |key: &str| -> Vec<String> {
        resources[key].as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
    };
    json!({"requests": names("requests"), "limits": names("limits")})
}

fn probes(container: &Value) -> Value {
    let kind = |probe: &str| asks(&container[probe]).0;
    json!({
        "liveness": kind("livenessProbe"), "startup": kind("startupProbe"),
        "readiness": kind("readinessProbe"), "readiness_asks": asks(&container["readinessProbe"]).1,
    })
}

/// How a probe looks, and what it asks for.
fn asks(probe: &Value) -> (&'static str, String) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(http) = probe.get("httpGet") {
        return ("http", text(&http["path"]));
    }
    if let Some(exec) = probe.get("exec") {
        let words: Vec<&str> = list(&exec["command"]).iter().filter_map(Value::as_str).collect();
        return ("exec", words.join(" "));
    }
    if let Some(grpc) = probe.get("grpc") {
        return ("grpc", text(&grpc["service"]));
    }
    match probe.get("tcpSocket") {
        Some(socket) => ("tcp", text(&socket["port"])),
        None => ("none", String::new()),
    }
}

fn life(kind: Kind, status: Option<&Value>) -> Value {
    let Some(status) = status else {
        return json!({"waiting": null, "restarts": 0, "last_exit": null, "last_exit_age_s": null, "oom_age_s": null});
    };
    let (now, before) = (&status["state"]["terminated"], &status["lastState"]["terminated"]);
    // An init container and one that was added by hand end well; any other end is a crash.
    let may_end = matches!(kind, Kind::Init | Kind::Ephemeral) && now["exitCode"] == 0;
    let exits: Vec<&Value> =
        [now, before].into_iter().filter(|exit| exit.is_object() && !(std::ptr::eq(*exit, now) && may_end)).collect();
    let last = exits.iter().min_by_key(|exit| seconds_since(&exit["finishedAt"]).unwrap_or(i64::MAX));
    let oom = exits.iter().filter(|exit| exit["reason"] == "OOMKilled");
    json!({
        "waiting": status["state"]["waiting"]["reason"],
        "restarts": status["restartCount"],
        "last_exit": last.map(|exit| format!("{} ({})", exit["reason"].as_str().unwrap_or("?"), exit["exitCode"])),
        "last_exit_age_s": last.and_then(|exit| seconds_since(&exit["finishedAt"])),
        "oom_age_s": oom.filter_map(|exit| seconds_since(&exit["finishedAt"])).min(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pod: &Value) -> Value {
        rows(pod).into_iter().next().expect("a container").2
    }

    #[test]
    fn what_a_container_does_not_say_its_pod_does() {
        let pod = json!({"spec": {
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "c", "securityContext": {"runAsUser": 0, "capabilities": {"drop": ["all"], "add": ["net_admin"]}}}],
        }});
        let row = row(&pod);
        assert_eq!((&row["run_as_user"], &row["non_root"]), (&json!(0), &json!(true)));
        assert_eq!((&row["seccomp"], &row["caps_dropped"]), (&json!("RuntimeDefault"), &json!(["ALL"])));
        assert_eq!(row["caps_added"], json!(["NET_ADMIN"]));
    }

    #[test]
    fn what_nobody_says_is_the_weaker_default() {
        let row = row(&json!({"spec": {"containers": [{"name": "c", "image": "redis"}]}}));
        for (fact, expected) in [
            ("privilege_escalation", json!(true)),
            ("read_only_root", json!(false)),
            ("non_root", json!(false)),
            ("seccomp", json!("unset")),
            ("readiness", json!("none")),
            ("limits", json!([])),
            ("pinned_by", json!("nothing")),
        ] {
            assert_eq!(row[fact], expected, "{fact}");
        }
    }

    #[test]
    fn an_end_that_must_not_be_is_a_crash() {
        let exit = |reason: &str, code: u8| json!({"terminated": {"reason": reason, "exitCode": code, "finishedAt": "2020-01-01T00:00:00Z"}});
        let life =
            |kind, state: Value, last: Value| super::life(kind, Some(&json!({"state": state, "lastState": last})));
        let ended = |row: Value| row["last_exit_age_s"].is_number();
        assert!(!ended(life(Kind::Init, exit("Completed", 0), json!({}))));
        assert!(ended(life(Kind::Init, exit("Error", 1), json!({}))));
        assert!(ended(life(Kind::Main, exit("Completed", 0), json!({}))));
        assert!(ended(life(Kind::Main, json!({"running": {}}), exit("Error", 137))));
        assert!(life(Kind::Main, json!({"running": {}}), exit("OOMKilled", 137))["oom_age_s"].is_number());
        assert!(life(Kind::Main, json!({"running": {}}), exit("Error", 137))["oom_age_s"].is_null());
    }

    #[test]
    fn each_kind_of_container_is_seen() {
        let pod = json!({"metadata": {"name": "p"}, "spec": {
            "containers": [{"name": "a"}], "ephemeralContainers": [{"name": "d"}],
            "initContainers": [{"name": "b"}, {"name": "c", "restartPolicy": "Always"}],
        }});
        let seen: Vec<(String, Kind)> = rows(&pod).into_iter().map(|(name, kind, _)| (name, kind)).collect();
        let expected = [("p/a", Kind::Main), ("p/b", Kind::Init), ("p/c", Kind::Sidecar), ("p/d", Kind::Ephemeral)];
        assert_eq!(seen, expected.map(|(name, kind)| (name.to_owned(), kind)));
    }
}
