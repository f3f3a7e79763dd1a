/// Why a class of trouble usually comes, in words for the operator; empty when the class tells nothing more.
#[must_use]
pub fn likely_cause(class: &str) -> &'static str {
    match class {
        "dns.nxdomain" => {
            "no Service of that name exists in that namespace, or the name is misspelt; an address that the configuration does not name is the profile's; from a desk outside of the cluster its names mean nothing (`--via port-forward`)"
        }
        "dns.timeout" => "the cluster's DNS does not answer, or egress to port 53 is denied",
        "dns.servfail" => "the cluster's DNS answers, but cannot resolve names outside its own domain",
        "dns.none" => "the name exists but has no address: a Service without a ClusterIP or without endpoints",
        "tcp.refused" => {
            "nothing listens on that address and port: the process is down, listens on its own loopback only, or the Service has no endpoints"
        }
        "tcp.timeout" => "packets are dropped: a NetworkPolicy, a firewall, or an address that no longer exists",
        "tcp.unreachable" => "there is no route to that address from here",
        "tcp.reset" => {
            "the connection was cut by the server or a proxy in between; a port that speaks TLS cuts off a client for whom no `tls` is declared"
        }
        "tls.unknown_ca" => {
            "the certificate was not issued by the declared CA, nor, where no `ca` is declared, by one of the system's"
        }
        "tls.name" => "the certificate does not carry the name that clients use",
        "tls.expired" => "the certificate has expired",
        "tls.not_yet_valid" => "the certificate is not valid yet, or one of the clocks is wrong",
        "tls.client_certificate" => {
            "the server asks for a client certificate, and none is declared or it did not accept ours"
        }
        "tls.not_offered" => "the server does not speak TLS on this port",
        "tls.required" => "the server speaks only TLS on this port, and no `tls` is declared for it",
        "auth.denied" => "the credentials are wrong, or were changed on one side only",
        "authz.denied" => "the login is right, but this user lacks the right for the operation",
        "proto.timeout" => {
            "the process accepts connections but does not answer: it is stopped, blocked or overloaded (the kernel accepts for it)"
        }
        "proto.closed" => {
            "the server closed the connection before it answered: it is starting, stopping, a proxy without a backend, or wants TLS, a client certificate or a login that is not declared"
        }
        "proto.garbage" | "proto.mismatch" => {
            "something else than this service answers on that port, or it speaks TLS and no `tls` is declared"
        }
        "proto.too_large" => "the answer is far larger than this service ever sends",
        "proto.not_ready" => "the server is starting up, electing or replaying its log",
        "limit.connections" => {
            "every connection slot is taken: a pool is too large, or an application leaks connections"
        }
        "limit.disk" => "the server's volume is full",
        "limit.memory" => "the server's memory limit is reached, and its policy evicts nothing",
        "server.read_only" => "the address leads to a replica, or the server was made read-only",
        "server.persistence" => "the server could not write its data to disk: the volume is full or not writable",
        "kube.forbidden" => "the account we use lacks a right: `soma-conformance rbac` prints the Role it needs",
        "kube.unauthorized" => {
            "the API server does not know who we are: the token or certificate has expired or belongs to another cluster"
        }
        "kube.throttled" => "the API server asks its clients to slow down: it is overloaded",
        "kube.server_error" => "the API server is failing itself: look at its own /readyz?verbose",
        "kube.unreachable" => "the API server is down, or the kubeconfig points elsewhere",
        "kube.timeout" => "the API server does not answer: it is overloaded, stopped, or its etcd is",
        "harness.starved" => {
            "this machine has more work than it can do: measure when it is idle, or give this program a CPU of its own"
        }
        "harness.fd_limit" => "this process may not open more files: raise the limit or lower --jobs",
        "harness.deadline" => "a client library did not give control back before the check's deadline",
        _ => "",
    }
}
