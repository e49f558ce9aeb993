package runflags

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"vz.internal/vzcontract"
)

func parse(t *testing.T, words ...string) (vzcontract.RunConfig, error) {
	t.Helper()
	var f Flags
	parser, err := kong.New(&f, kong.WithHyphenPrefixedParameters(true), kong.NoDefaultHelp())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(append(words, "image")); err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	return f.Config()
}

// TestRefusedValues are values that are wrong in themselves or together; each
// names the flag that is at fault.
func TestRefusedValues(t *testing.T) {
	notJSON := filepath.Join(t.TempDir(), "profile")
	if err := os.WriteFile(notJSON, []byte("no"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ words, err string }{
		{"--memory=12q", "--memory 12q: want a size"},
		{"--memory=-1", "--memory -1: want a size"},
		{"--memory-swap=1g", "needs --memory"},
		{"--memory=2g --memory-swap=1g", "at least --memory 2g"},
		{"--memory=1g --memory-reservation=2g", "must not be above"},
		{"--memory-swappiness=101", "want 0 to 100"},
		{"--cpus=x", "number of processors"},
		{"--cpus=0.0000000001", "nine digits"},
		{"--cpus=1 --cpu-quota=5", "cannot be combined"},
		{"--cpu-shares=-1", "from 0 up"},
		{"--pids-limit=-2", "-1 for no limit"},
		{"--blkio-weight=5", "10 to 1000"},
		{"--blkio-weight-device=sda:20", "/dev/NAME:WEIGHT"},
		{"--device-read-bps=/dev/sda:fast", "/dev/NAME:RATE"},
		{"--oom-score-adj=2000", "-1000 to 1000"},
		{"--ulimit=nofile", "NAME=SOFT"},
		{"--ulimit=files=1", `unknown limit "files"`},
		{"--ulimit=nofile=9:8", "above the hard limit"},
		{"--device=relative", "absolute path"},
		{"--device=vendor.com/gpu=all", "CDI"},
		{"--device=/dev/a:/dev/b:rwx", "r, w and m"},
		{"--device-cgroup-rule=nonsense", "MAJOR:MINOR"},
		{"--restart=sometimes", "unknown policy"},
		{"--restart=always:3", "on-failure only"},
		{"--restart=on-failure:x", "number of retries"},
		{"--rm --restart=always", "--rm"},
		{"--stop-timeout=-2", "-1 to wait for ever"},
		{"--health-interval=5", "want a duration"},
		{"--health-interval=1us", "at least 1ms"},
		{"--no-healthcheck --health-cmd=x", "cannot be combined"},
		{"--health-on-failure=kill", "known are none and restart"},
		{"--log-driver=syslog", "json-file, local and none"},
		{"--log-opt=colour=red", "max-size, max-file"},
		{"--log-opt=max-file=3", "needs max-size"},
		{"--log-driver=none --log-opt=max-size=1m", "keeps no log"},
		{"--network=host --network=web", "cannot be combined"},
		{"--network=web --network=web", "given twice"},
		{"--network=host --ip=10.0.0.1", "no aliases or addresses"},
		{"--network=name=web,ip=nonsense", "IPv4 address"},
		{"--network=alias=x", "name= is missing"},
		{"--network-alias=x", "--network-alias x: the network bridge has no names"},
		{"--network=name=bridge,alias=x", "the network bridge has no names"},
		{"--ip=fd00::1", "IPv4 address"},
		{"--ip6=10.0.0.1", "IPv6 address"},
		{"--mac-address=nonsense", "MAC address"},
		{"--dns=localhost", "IP address"},
		{"--add-host=db", "NAME:IP"},
		{"--add-host=db:nowhere", "neither an IP address nor host-gateway"},
		{"--expose=x", "want a port"},
		{"--egress=none --egress=example.com", "cannot be combined"},
		{"--egress=example.com:x", `--egress "example.com:x": "x" is no port`},
		{"--egress=169.254.169.254", "always refused"},
		{"--security-opt=nonsense", "KEY=VALUE"},
		{"--security-opt=colour=red", "unknown option"},
		{"--security-opt=seccomp=/no/such/profile", "no such file"},
		{"--security-opt=seccomp=" + notJSON, "not JSON"},
		{"--sysctl=nonsense", "KEY=VALUE"},
		{"--pid=nonsense", "container:NAME"},
		{"--pid=container:", "name is missing"},
		{"--uts=container:x", "unknown mode"},
		{"--pull=sometimes", "always, missing or never"},
		{"--attach=stdlog", "stdin, stdout or stderr"},
		{"--volumes-from=:ro", "CONTAINER[:ro|rw]"},
		{"--volume=/a:/t --tmpfs=/t", "two mounts"},
		{"--tmpfs=relative", "not an absolute path"},
		{"--label==x", "name is empty"},
		{"--annotation=x", "KEY=VALUE"},
	} {
		t.Run(tt.words, func(t *testing.T) {
			_, err := parse(t, strings.Fields(tt.words)...)
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("%s: error %v, want one about %q", tt.words, err, tt.err)
			}
			checkError(t, tt.words, err)
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: the error %q has more than one line", tt.words, err)
			}
		})
	}
}

func TestEgress(t *testing.T) {
	for words, want := range map[string]*vzcontract.EgressPolicy{
		"":              nil,
		"--egress=none": {},
		"--egress=*.example.com:443/tcp --egress=10.0.0.0/8": {Allow: []string{"*.example.com:443/tcp", "10.0.0.0/8"}},
	} {
		cfg, err := parse(t, strings.Fields(words)...)
		if err != nil || !reflect.DeepEqual(cfg.Egress, want) {
			t.Errorf("%q gives %+v, %v, want %+v", words, cfg.Egress, err, want)
		}
	}
}

func TestNetworks(t *testing.T) {
	cfg, err := parse(t, "--network=name=web,alias=www,ip=10.1.0.5,driver-opt=a=b", "--network=db", "--network-alias=x")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.NetworkMode != "web" || len(cfg.Networks) != 2 || cfg.Networks[0].Network != "web" || cfg.Networks[1].Network != "db" {
		t.Fatalf("mode %q, networks %+v", cfg.NetworkMode, cfg.Networks)
	}
	web := cfg.Networks[0]
	if strings.Join(web.Aliases, " ") != "www x" || web.IPv4 != "10.1.0.5" || web.Options["a"] != "b" {
		t.Errorf("web is %+v", web)
	}
}

func TestSameMountTwice(t *testing.T) {
	cfg, err := parse(t, "-v", "/a:/x", "--mount", "type=bind,src=/b,dst=/y", "-v", "/a:/x", "--tmpfs", "/t", "--tmpfs", "/t")
	if err != nil || len(cfg.Mounts) != 3 {
		t.Errorf("the same mounts twice = %+v, %v, want three mounts", cfg.Mounts, err)
	}
	for _, words := range [][]string{
		{"-v", "/a:/x", "-v", "/a:/x:ro"}, {"-v", "/x", "--tmpfs", "/x"}, {"--mount", "dst=/x", "--mount", "dst=/x"},
	} {
		if _, err := parse(t, words...); err == nil || !strings.Contains(err.Error(), "/x: two mounts have this target") {
			t.Errorf("%q = %v, want an error about one target", words, err)
		}
	}
}

func TestSecurityOptions(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "p.json")
	if err := os.WriteFile(profile, []byte(`{"defaultAction":"SCMP_ACT_ALLOW"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := parse(t, "--security-opt=seccomp="+profile, "--security-opt=apparmor:unconfined", "--security-opt=label=disable",
		"--security-opt=no-new-privileges:true", "--security-opt=systempaths=unconfined")
	if err != nil {
		t.Fatal(err)
	}
	s := cfg.Security
	if !strings.Contains(s.Seccomp, "SCMP_ACT_ALLOW") || s.AppArmor != "unconfined" || s.SELinux[0] != "disable" || !s.NoNewPrivileges || s.UnmaskPaths[0] != "ALL" {
		t.Errorf("security is %+v", s)
	}
}

func TestEntrypointCleared(t *testing.T) {
	cfg, err := parse(t, "--entrypoint=")
	if err != nil {
		t.Fatal(err)
	}
	if !cfg.ClearEntrypoint || cfg.Entrypoint == nil {
		t.Errorf("entrypoint %#v, cleared %v", cfg.Entrypoint, cfg.ClearEntrypoint)
	}
	if cfg, err = parse(t); err != nil || cfg.ClearEntrypoint || cfg.Entrypoint != nil {
		t.Errorf("without the flag: %#v, %v, %v", cfg.Entrypoint, cfg.ClearEntrypoint, err)
	}
}

func TestEnvFile(t *testing.T) {
	t.Setenv("VZ_TEST_HOST", "host")
	name := filepath.Join(t.TempDir(), "env")
	content := "\uFEFFFIRST=1\n# no\n\n  A=b c \nVZ_TEST_HOST\nVZ_TEST_UNSET\nE=\n"
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := Environment([]string{name}, []string{"A=last"})
	if want := "FIRST=1|A=b c |VZ_TEST_HOST=host|E=|A=last"; err != nil || strings.Join(env, "|") != want {
		t.Errorf("%q, %v, want %q", strings.Join(env, "|"), err, want)
	}
	for _, broken := range []string{"A B=c\n", "=x\n", "\xff=1\n"} {
		if err := os.WriteFile(name, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Environment([]string{name}, nil); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: error %v, want one that names the line", broken, err)
		}
	}
}
