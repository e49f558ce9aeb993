package runflags

import (
	"errors"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"vz.internal/vzcontract"
)

// dockerFlags are all flags of run and create of docker's command line, 28.
// Each has words that set it and either a check of what becomes of it, or the
// reason with which it is refused.
var dockerFlags = []struct {
	flag    string
	words   string
	want    func(c vzcontract.RunConfig) any
	is      any
	refused string
}{
	{"add-host", "--add-host db:10.0.0.1", func(c vzcontract.RunConfig) any { return c.ExtraHosts }, []string{"db:10.0.0.1"}, ""},
	{"annotation", "--annotation a=b", func(c vzcontract.RunConfig) any { return c.Annotations["a"] }, "b", ""},
	{"attach", "-a stdout", nil, nil, ""},
	{"blkio-weight", "--blkio-weight 20", func(c vzcontract.RunConfig) any { return c.Resources.BlkioWeight }, uint16(20), ""},
	{"blkio-weight-device", "--blkio-weight-device /dev/sda:30", func(c vzcontract.RunConfig) any { return c.Resources.BlkioWeightDevice[0].Rate }, uint64(30), ""},
	{"cap-add", "--cap-add NET_ADMIN", func(c vzcontract.RunConfig) any { return c.Security.CapAdd }, []string{"NET_ADMIN"}, ""},
	{"cap-drop", "--cap-drop ALL", func(c vzcontract.RunConfig) any { return c.Security.CapDrop }, []string{"ALL"}, ""},
	{"cgroup-parent", "--cgroup-parent /x", func(c vzcontract.RunConfig) any { return c.Namespaces.CgroupParent }, "/x", ""},
	{"cgroupns", "--cgroupns host", func(c vzcontract.RunConfig) any { return c.Namespaces.Cgroup }, "host", ""},
	{"cidfile", "--cidfile f", nil, nil, ""},
	{"cpu-count", "--cpu-count 1", nil, nil, "Windows"},
	{"cpu-percent", "--cpu-percent 1", nil, nil, "Windows"},
	{"cpu-period", "--cpu-period 1000", func(c vzcontract.RunConfig) any { return c.Resources.CPUPeriod }, uint64(1000), ""},
	{"cpu-quota", "--cpu-quota -1", func(c vzcontract.RunConfig) any { return c.Resources.CPUQuota }, int64(-1), ""},
	{"cpu-rt-period", "--cpu-rt-period 5", func(c vzcontract.RunConfig) any { return c.Resources.CPURealtimePeriod }, uint64(5), ""},
	{"cpu-rt-runtime", "--cpu-rt-runtime 5", func(c vzcontract.RunConfig) any { return c.Resources.CPURealtimeRuntime }, int64(5), ""},
	{"cpu-shares", "-c 512", func(c vzcontract.RunConfig) any { return c.Resources.CPUShares }, uint64(512), ""},
	{"cpus", "--cpus 1.5", func(c vzcontract.RunConfig) any { return c.Resources.NanoCPUs }, int64(1.5e9), ""},
	{"cpuset-cpus", "--cpuset-cpus 0-1", func(c vzcontract.RunConfig) any { return c.Resources.CpusetCPUs }, "0-1", ""},
	{"cpuset-mems", "--cpuset-mems 0", func(c vzcontract.RunConfig) any { return c.Resources.CpusetMems }, "0", ""},
	{"device", "--device /dev/fuse", func(c vzcontract.RunConfig) any { return c.Devices[0].HostPath }, "/dev/fuse", ""},
	{"device-cgroup-rule", "--device-cgroup-rule=c~1:3~rwm", func(c vzcontract.RunConfig) any { return c.DeviceRules[0] }, "c 1:3 rwm", ""},
	{"device-read-bps", "--device-read-bps /dev/sda:1mb", func(c vzcontract.RunConfig) any { return c.Resources.ReadBps[0].Rate }, uint64(1 << 20), ""},
	{"device-read-iops", "--device-read-iops /dev/sda:9", func(c vzcontract.RunConfig) any { return c.Resources.ReadIOps[0].Rate }, uint64(9), ""},
	{"device-write-bps", "--device-write-bps /dev/sda:1mb", func(c vzcontract.RunConfig) any { return c.Resources.WriteBps[0].Rate }, uint64(1 << 20), ""},
	{"device-write-iops", "--device-write-iops /dev/sda:9", func(c vzcontract.RunConfig) any { return c.Resources.WriteIOps[0].Rate }, uint64(9), ""},
	{"disable-content-trust", "--disable-content-trust=false", nil, nil, "Notary"},
	{"dns", "--dns 9.9.9.9", func(c vzcontract.RunConfig) any { return c.DNS.Servers[0] }, "9.9.9.9", ""},
	{"dns-option", "--dns-option ndots:1", func(c vzcontract.RunConfig) any { return c.DNS.Options[0] }, "ndots:1", ""},
	{"dns-search", "--dns-search a.b", func(c vzcontract.RunConfig) any { return c.DNS.Search[0] }, "a.b", ""},
	{"domainname", "--domainname d", func(c vzcontract.RunConfig) any { return c.Domainname }, "d", ""},
	{"entrypoint", "--entrypoint /x", func(c vzcontract.RunConfig) any { return c.Entrypoint }, []string{"/x"}, ""},
	{"env", "-e A=b", func(c vzcontract.RunConfig) any { return c.Env }, []string{"A=b"}, ""},
	{"env-file", "--env-file /dev/null", func(c vzcontract.RunConfig) any { return len(c.Env) }, 0, ""},
	{"expose", "--expose 80-81/udp", func(c vzcontract.RunConfig) any { return c.Expose }, []string{"80/udp", "81/udp"}, ""},
	{"gpus", "--gpus all", nil, nil, "GPU"},
	{"group-add", "--group-add audio", func(c vzcontract.RunConfig) any { return c.Groups }, []string{"audio"}, ""},
	{"health-cmd", "--health-cmd x", func(c vzcontract.RunConfig) any { return c.Health.Test }, []string{"CMD-SHELL", "x"}, ""},
	{"health-interval", "--health-interval 1s", func(c vzcontract.RunConfig) any { return c.Health.Interval.String() }, "1s", ""},
	{"health-retries", "--health-retries 2", func(c vzcontract.RunConfig) any { return c.Health.Retries }, 2, ""},
	{"health-start-interval", "--health-start-interval 1s", func(c vzcontract.RunConfig) any { return c.Health.StartInterval.String() }, "1s", ""},
	{"health-start-period", "--health-start-period 1s", func(c vzcontract.RunConfig) any { return c.Health.StartPeriod.String() }, "1s", ""},
	{"health-timeout", "--health-timeout 1s", func(c vzcontract.RunConfig) any { return c.Health.Timeout.String() }, "1s", ""},
	{"hostname", "-h box", func(c vzcontract.RunConfig) any { return c.Hostname }, "box", ""},
	{"init", "--init", func(c vzcontract.RunConfig) any { return c.Init }, true, ""},
	{"interactive", "-i", func(c vzcontract.RunConfig) any { return c.OpenStdin }, true, ""},
	{"io-maxbandwidth", "--io-maxbandwidth 1m", nil, nil, "Windows"},
	{"io-maxiops", "--io-maxiops 1", nil, nil, "Windows"},
	{"ip", "--network n --ip 10.0.0.9", func(c vzcontract.RunConfig) any { return c.Networks[0].IPv4 }, "10.0.0.9", ""},
	{"ip6", "--network n --ip6 fd00::9", func(c vzcontract.RunConfig) any { return c.Networks[0].IPv6 }, "fd00::9", ""},
	{"ipc", "--ipc host", func(c vzcontract.RunConfig) any { return c.Namespaces.IPC }, "host", ""},
	{"isolation", "--isolation hyperv", nil, nil, "Windows"},
	{"kernel-memory", "--kernel-memory 1g", nil, nil, "kernel"},
	{"label", "-l a=b", func(c vzcontract.RunConfig) any { return c.Labels["a"] }, "b", ""},
	{"label-file", "--label-file /dev/null", func(c vzcontract.RunConfig) any { return len(c.Labels) }, 0, ""},
	{"link", "--link db", nil, nil, "networks"},
	{"link-local-ip", "--network n --link-local-ip 169.254.1.1", func(c vzcontract.RunConfig) any { return c.Networks[0].LinkLocal[0] }, "169.254.1.1", ""},
	{"log-driver", "--log-driver none", func(c vzcontract.RunConfig) any { return c.Log.Driver }, "none", ""},
	{"log-opt", "--log-opt max-size=1m", func(c vzcontract.RunConfig) any { return c.Log.MaxSize }, int64(1 << 20), ""},
	{"mac-address", "--mac-address 92:d0:c6:0a:29:33", func(c vzcontract.RunConfig) any { return c.Networks[0].MACAddress }, "92:d0:c6:0a:29:33", ""},
	{"memory", "-m 1g", func(c vzcontract.RunConfig) any { return c.Resources.Memory }, int64(1 << 30), ""},
	{"memory-reservation", "--memory-reservation 1g", func(c vzcontract.RunConfig) any { return c.Resources.MemoryReservation }, int64(1 << 30), ""},
	{"memory-swap", "--memory-swap -1", func(c vzcontract.RunConfig) any { return c.Resources.MemorySwap }, int64(-1), ""},
	{"memory-swappiness", "--memory-swappiness 0", func(c vzcontract.RunConfig) any { return *c.Resources.MemorySwappiness }, uint64(0), ""},
	{"mount", "--mount type=tmpfs,target=/t", func(c vzcontract.RunConfig) any { return c.Mounts[0].Type }, vzcontract.MountTmpfs, ""},
	{"name", "--name n", func(c vzcontract.RunConfig) any { return c.Name }, "n", ""},
	{"network", "--network host", func(c vzcontract.RunConfig) any { return c.NetworkMode }, "host", ""},
	{"network-alias", "--network n --network-alias a", func(c vzcontract.RunConfig) any { return c.Networks[0].Aliases }, []string{"a"}, ""},
	{"no-healthcheck", "--no-healthcheck", func(c vzcontract.RunConfig) any { return c.Health.Test }, []string{"NONE"}, ""},
	{"oom-kill-disable", "--oom-kill-disable", func(c vzcontract.RunConfig) any { return c.Resources.OOMKillDisable }, true, ""},
	{"oom-score-adj", "--oom-score-adj -5", func(c vzcontract.RunConfig) any { return *c.Resources.OOMScoreAdj }, -5, ""},
	{"pid", "--pid host", func(c vzcontract.RunConfig) any { return c.Namespaces.PID }, "host", ""},
	{"pids-limit", "--pids-limit 7", func(c vzcontract.RunConfig) any { return c.Resources.PidsLimit }, int64(7), ""},
	{"platform", "--platform linux/arm64", func(c vzcontract.RunConfig) any { return c.Platform }, "linux/arm64", ""},
	{"privileged", "--privileged", func(c vzcontract.RunConfig) any { return c.Security.Privileged }, true, ""},
	{"publish", "-p 8080:80", func(c vzcontract.RunConfig) any { return c.Ports[0].HostPort }, uint16(8080), ""},
	{"publish-all", "-P", func(c vzcontract.RunConfig) any { return c.PublishAll }, true, ""},
	{"pull", "--pull always", func(c vzcontract.RunConfig) any { return c.Pull }, vzcontract.PullAlways, ""},
	{"quiet", "-q", nil, nil, ""},
	{"read-only", "--read-only", func(c vzcontract.RunConfig) any { return c.ReadOnly }, true, ""},
	{"restart", "--restart on-failure:3", func(c vzcontract.RunConfig) any { return c.Restart.MaxRetries }, 3, ""},
	{"rm", "--rm", func(c vzcontract.RunConfig) any { return c.AutoRemove }, true, ""},
	{"runtime", "--runtime kata", nil, nil, "runtime"},
	{"security-opt", "--security-opt no-new-privileges", func(c vzcontract.RunConfig) any { return c.Security.NoNewPrivileges }, true, ""},
	{"shm-size", "--shm-size 1m", func(c vzcontract.RunConfig) any { return c.ShmSize }, int64(1 << 20), ""},
	{"stop-signal", "--stop-signal INT", func(c vzcontract.RunConfig) any { return c.StopSignal }, "INT", ""},
	{"stop-timeout", "--stop-timeout 3", func(c vzcontract.RunConfig) any { return c.StopGrace.String() }, "3s", ""},
	{"storage-opt", "--storage-opt size=1g", func(c vzcontract.RunConfig) any { return c.Resources.Disk }, int64(1 << 30), ""},
	{"sysctl", "--sysctl net.core.somaxconn=1", func(c vzcontract.RunConfig) any { return c.Sysctls["net.core.somaxconn"] }, "1", ""},
	{"tmpfs", "--tmpfs /t:size=1m", func(c vzcontract.RunConfig) any { return c.Mounts[0].TmpfsSize }, int64(1 << 20), ""},
	{"tty", "-t", func(c vzcontract.RunConfig) any { return c.TTY }, true, ""},
	{"ulimit", "--ulimit nofile=1:2", func(c vzcontract.RunConfig) any { return c.Ulimits[0].Hard }, int64(2), ""},
	{"use-api-socket", "--use-api-socket", nil, nil, "daemon"},
	{"user", "-u 1:2", func(c vzcontract.RunConfig) any { return c.User }, "1:2", ""},
	{"userns", "--userns host", func(c vzcontract.RunConfig) any { return c.Namespaces.User }, "host", ""},
	{"uts", "--uts host", func(c vzcontract.RunConfig) any { return c.Namespaces.UTS }, "host", ""},
	{"volume", "-v /a:/b:ro", func(c vzcontract.RunConfig) any { return c.Mounts[0].ReadOnly }, true, ""},
	{"volume-driver", "--volume-driver nfs", nil, nil, "local"},
	{"volumes-from", "--volumes-from a:ro", func(c vzcontract.RunConfig) any { return c.VolumesFrom }, []string{"a:ro"}, ""},
	{"workdir", "-w /w", func(c vzcontract.RunConfig) any { return c.WorkingDir }, "/w", ""},
}

// runOnly are flags of run that create does not have; the command has them.
var runOnly = []string{"detach", "detach-keys", "sig-proxy", "help"}

func TestDockerFlags(t *testing.T) {
	for _, tt := range dockerFlags {
		t.Run(tt.flag, func(t *testing.T) {
			words := strings.Fields(tt.words)
			for i := range words {
				words[i] = strings.ReplaceAll(words[i], "~", " ")
			}
			var f Flags
			// -h is the host name here, so there is no default help.
			parser, err := kong.New(&f, kong.WithHyphenPrefixedParameters(true), kong.NoDefaultHelp())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(append(words, "image")); err != nil {
				t.Fatalf("%s: %v", tt.words, err)
			}
			cfg, err := f.Config()
			if tt.refused != "" {
				if err == nil || !errors.Is(err, vzcontract.ErrUnsupported) || !strings.Contains(err.Error(), tt.refused) {
					t.Fatalf("%s: error %v, want a refusal that speaks of %q", tt.words, err, tt.refused)
				}
				if !strings.Contains(err.Error(), "--"+tt.flag) {
					t.Errorf("%s: the refusal %q does not name the flag", tt.words, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", tt.words, err)
			}
			if tt.want == nil {
				return
			}
			if got := tt.want(cfg); !reflect.DeepEqual(got, tt.is) {
				t.Errorf("%s gives %#v, want %#v", tt.words, got, tt.is)
			}
		})
	}
}

// TestDockerFlagsComplete compares the table with the docker of this machine.
func TestDockerFlagsComplete(t *testing.T) {
	docker, err := exec.LookPath("docker")
	if err != nil {
		t.Skip("requires docker, to compare the table of flags with")
	}
	if version, err := exec.Command(docker, "--version").Output(); err != nil || !strings.Contains(string(version), " 28.") {
		t.Skipf("requires docker 28, whose flags the table holds; this is %s", version)
	}
	help, err := exec.Command(docker, "run", "--help").Output()
	if err != nil {
		t.Skipf("requires a docker whose help works: %v", err)
	}
	known := slices.Clone(runOnly)
	for _, f := range dockerFlags {
		known = append(known, f.flag)
	}
	found := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z0-9-]+)`).FindAllSubmatch(help, -1)
	if len(found) < 90 {
		t.Fatalf("found only %d flags in docker's help", len(found))
	}
	for _, m := range found {
		if !slices.Contains(known, string(m[1])) {
			t.Errorf("docker run --%s is neither done nor refused", m[1])
		}
	}
}
