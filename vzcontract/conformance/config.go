package conformance

import (
	"strings"

	"vz.internal/vzcontract"
)

var configChecks = []check{
	{name: "env", run: environment},
	{name: "working-dir", run: workingDir},
	{name: "hostname", run: hostname},
	{name: "entrypoint", run: entrypoint},
	{name: "labels", run: labels},
	{name: "config-roundtrip", run: configRoundTrip},
	{name: "hosts-and-resolv", run: hostsAndResolv},
}

func environment(e *env) {
	cfg := e.config("env")
	cfg.Env = []string{"A=1", "B=two words", "A=2", "EMPTY=", "HOME=/elsewhere"}
	got := strings.Split(strings.TrimSuffix(e.output(cfg), "\n"), "\n")
	count := map[string]int{}
	for _, line := range got {
		count[line]++
	}
	for _, want := range []string{"A=2", "B=two words", "EMPTY=", "HOME=/elsewhere"} {
		if count[want] != 1 {
			e.Errorf("env has %q %d times, want once: %q", want, count[want], got)
		}
	}
	if count["A=1"] != 0 {
		e.Errorf("env has the overridden A=1: %q", got)
	}
	if !strings.Contains("\n"+strings.Join(got, "\n"), "\nPATH=/") {
		e.Errorf("env has no PATH: %q", got)
	}
	if home := e.output(e.config("sh", "-c", "echo $HOME")); home != "/root\n" {
		e.Errorf("HOME of root = %q, want /root", home)
	}
}

func workingDir(e *env) {
	if got := e.output(e.config("pwd")); got != "/\n" && e.cfg.Rootfs != nil {
		e.Errorf("default working directory = %q, want /", got)
	}
	cfg := e.config("pwd")
	cfg.WorkingDir = "/tmp"
	if got := e.output(cfg); got != "/tmp\n" {
		e.Errorf("working directory = %q, want /tmp", got)
	}
	cfg.WorkingDir = "/made/on/the/way"
	if got := e.output(cfg); got != "/made/on/the/way\n" {
		e.Errorf("missing working directory = %q, want it made", got)
	}
}

func hostname(e *env) {
	cfg := e.config("hostname")
	cfg.Hostname = "given"
	if got := e.output(cfg); got != "given\n" {
		e.Errorf("hostname = %q, want given", got)
	}
	info := e.start(e.config("hostname"))
	e.wait(info.ID)
	if got := e.logs(info.ID, vzcontract.LogOptions{Tail: -1}); got != info.ID[:12]+"\n" {
		e.Errorf("default hostname = %q, want the short id %s", got, info.ID[:12])
	}
}

// entrypoint joins entrypoint and args, and takes an emptied one.
func entrypoint(e *env) {
	cfg := e.config("a", "b")
	cfg.Entrypoint = []string{"echo", "first"}
	if got := e.output(cfg); got != "first a b\n" {
		e.Errorf("entrypoint and args = %q, want first a b", got)
	}
	cfg.Args = nil
	if got := e.output(cfg); got != "first\n" {
		e.Errorf("entrypoint alone = %q, want first", got)
	}
	cfg = e.config("echo", "only")
	cfg.Entrypoint, cfg.ClearEntrypoint = []string{}, true
	if got := e.output(cfg); got != "only\n" {
		e.Errorf("cleared entrypoint = %q, want only", got)
	}
}

func labels(e *env) {
	cfg := e.config("true")
	cfg.Labels = map[string]string{"one": "1", "empty": "", "odd key/x": "a=b,c"}
	info := e.create(cfg)
	for _, got := range []map[string]string{info.Labels, e.inspect(info.ID).Labels} {
		for k, v := range cfg.Labels {
			if value, ok := got[k]; !ok || value != v {
				e.Errorf("label %q = %q, %v, want %q", k, value, ok, v)
			}
		}
	}
}

// configRoundTrip finds what was asked for in what Inspect tells.
func configRoundTrip(e *env) {
	cfg := e.config("sleep", "1")
	cfg.Env, cfg.User, cfg.WorkingDir = []string{"K=v"}, "app", "/tmp"
	cfg.Restart = vzcontract.RestartPolicy{Mode: vzcontract.RestartOnFailure, MaxRetries: 3}
	cfg.Resources.PidsLimit, cfg.StopSignal = 50, "SIGINT"
	got := e.inspect(e.create(cfg).ID)
	if got.User != "app" || got.WorkingDir != "/tmp" || got.Config.Restart != cfg.Restart ||
		got.Config.Resources.PidsLimit != 50 || got.Config.StopSignal != "SIGINT" {
		e.Errorf("inspect = user %q, dir %q, restart %+v, pids %d, stop signal %q", got.User, got.WorkingDir,
			got.Config.Restart, got.Config.Resources.PidsLimit, got.Config.StopSignal)
	}
	if !strings.Contains("\n"+strings.Join(got.Env, "\n")+"\n", "\nK=v\n") {
		e.Errorf("effective env %q lacks K=v", got.Env)
	}
}

func hostsAndResolv(e *env) {
	cfg := e.config("cat", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname")
	cfg.Hostname = "given"
	cfg.ExtraHosts = []string{"extra.example:192.0.2.7"}
	cfg.DNS = vzcontract.DNSConfig{Servers: []string{"192.0.2.53"}, Search: []string{"a.example"}, Options: []string{"ndots:2"}}
	fields := strings.Fields(e.output(cfg))
	text := " " + strings.Join(fields, " ") + " "
	for _, want := range []string{"192.0.2.7 extra.example", "nameserver 192.0.2.53", "search a.example", "options ndots:2", "127.0.0.1 localhost", " given "} {
		if !strings.Contains(text, want) {
			e.Errorf("hosts, resolv.conf and hostname lack %q: %q", want, text)
		}
	}
}
