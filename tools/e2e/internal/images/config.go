package images

// Config is what an image says of how to run it, as the OCI specification
// spells it, with Docker's health check.
type Config struct {
	User         string              `json:"User,omitempty"`
	Env          []string            `json:"Env,omitempty"`
	Entrypoint   []string            `json:"Entrypoint,omitempty"`
	Cmd          []string            `json:"Cmd,omitempty"`
	WorkingDir   string              `json:"WorkingDir,omitempty"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"`
	Volumes      map[string]struct{} `json:"Volumes,omitempty"`
	Labels       map[string]string   `json:"Labels,omitempty"`
	StopSignal   string              `json:"StopSignal,omitempty"`
	Healthcheck  *Healthcheck        `json:"Healthcheck,omitempty"`
}

// Healthcheck is how the health is checked; times in nanoseconds.
type Healthcheck struct {
	Test     []string `json:"Test"`
	Interval int64    `json:"Interval,omitempty"`
	Timeout  int64    `json:"Timeout,omitempty"`
	Retries  int      `json:"Retries,omitempty"`
}

const pathEnv = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func set(names ...string) map[string]struct{} {
	s := map[string]struct{}{}
	for _, n := range names {
		s[n] = struct{}{}
	}
	return s
}

// settings are the images that differ only in what they say.
var settings = map[string]Config{
	"busybox": {Env: []string{pathEnv}, Cmd: []string{"sh"}},
	"bare":    {},
	"settings": {
		User: "app:tools", WorkingDir: "/srv/not/made yet", StopSignal: "SIGUSR1",
		Env:          []string{pathEnv, "GREETING=hello world", "EMPTY=", "TWICE=a=b"},
		Entrypoint:   []string{"/bin/show", "--from-entrypoint"},
		Cmd:          []string{"from", "cmd with spaces"},
		ExposedPorts: set("80/tcp", "53/udp"), Volumes: set("/data"),
		Labels:      map[string]string{"org.example.key": "value"},
		Healthcheck: &Healthcheck{Test: []string{"CMD-SHELL", "test -e /tmp/healthy"}, Interval: 1e9, Timeout: 5e9, Retries: 2},
	},
	"numeric-user": {User: "4321:8765", Env: []string{pathEnv}, Cmd: []string{"sh"}},
	"only-uid":     {User: "1000", Env: []string{pathEnv}, Cmd: []string{"sh"}},
	"entrypoint":   {Env: []string{pathEnv}, Entrypoint: []string{"echo", "entry"}},
}

// daemons are the images of daemons.
var daemons = map[string]Config{
	"nginx": {
		Env: []string{pathEnv}, Entrypoint: []string{"nginx"}, Cmd: []string{"-g", "daemon off;"},
		ExposedPorts: set("80/tcp"), StopSignal: "SIGQUIT",
	},
	"redis": {
		User: "redis", Env: []string{pathEnv}, Cmd: []string{"redis-server", "--bind", "0.0.0.0", "--protected-mode", "no"},
		WorkingDir: "/var/lib/redis", ExposedPorts: set("6379/tcp"), Volumes: set("/var/lib/redis"),
	},
	"postgres": {
		User: "postgres", Env: []string{pathEnv, "LANG=C.UTF-8"}, Entrypoint: []string{"/bin/sh", "-c"},
		Cmd: []string{"exec /postgresql/bin/postgres -D /var/lib/postgresql/*/main -c listen_addresses='*' " +
			"-c config_file=\"$(echo /etc/postgresql/*/main/postgresql.conf)\""},
		ExposedPorts: set("5432/tcp"), Volumes: set("/var/lib/postgresql"), StopSignal: "SIGINT",
	},
}
