package ocispec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/userdb"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// process sets the program, its environment and its user.
func (b *builder) process() error {
	if len(b.in.Argv) == 0 || b.in.Argv[0] == "" {
		return invalid("no program to run: neither the image nor the command line names one")
	}
	user, err := b.host.lookupUser(b.in.RootPath, b.in.User, b.cfg.Groups)
	if err != nil {
		return err
	}
	cwd := b.in.Cwd
	if cwd == "" {
		cwd = "/"
	}
	if !path.IsAbs(cwd) {
		return invalid("working directory %q is not absolute", cwd)
	}
	if err := b.host.hasPlace(user); err != nil {
		return err
	}
	p := b.spec.Process
	p.Args, p.Cwd, p.Terminal = b.in.Argv, path.Clean(cwd), b.cfg.TTY
	p.NoNewPrivileges = b.cfg.Security.NoNewPrivileges
	p.User = specUser(user)
	p.Env = b.env(user.Home)
	return checkText(append([]string{p.Cwd}, append(p.Args, p.Env...)...))
}

// env returns the environment with what Docker adds: PATH, HOSTNAME, TERM and
// HOME where they are not set.
func (b *builder) env(home string) []string {
	hostname := b.spec.Hostname
	if hostname == "" && b.shares(specs.UTSNamespace) {
		hostname = b.host.hostname
	}
	defaults := []string{"PATH=" + defaultPath}
	if hostname != "" {
		defaults = append(defaults, "HOSTNAME="+hostname)
	}
	if b.cfg.TTY {
		defaults = append(defaults, "TERM=xterm")
	}
	return withDefaults(b.in.Env, append(defaults, "HOME="+home))
}

// withDefaults puts the defaults that env does not set before it. HOME, the
// last one, comes after; an empty one is none, as with runc.
func withDefaults(env, defaults []string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(e string) bool { return e == "HOME=" })
	set := map[string]bool{}
	for _, e := range env {
		k, _, _ := strings.Cut(e, "=")
		set[k] = true
	}
	var before, after []string
	for _, d := range defaults {
		k, _, _ := strings.Cut(d, "=")
		switch {
		case set[k]:
		case k == "HOME":
			after = append(after, d)
		default:
			before = append(before, d)
		}
	}
	return append(append(before, env...), after...)
}

// specUser lists the primary group among the others too, as docker does: a
// program that changes its primary group, by a file with setgid, must not lose it
// where it takes rights away (CVE-2022-36109).
func specUser(u userdb.User) specs.User {
	groups := append([]uint32{u.GID}, u.Groups...)
	slices.Sort(groups)
	return specs.User{UID: u.UID, GID: u.GID, AdditionalGids: slices.Compact(groups)}
}

// hasPlace refuses a user that this process's user namespace does not have.
func (h host) hasPlace(u userdb.User) error {
	if !h.hasUser(u.UID) {
		return unsupported("user id %d: this user namespace has no such id: %s", u.UID, moreIDs)
	}
	groups := []uint32{u.GID}
	if !h.groupsFixed { // else they cannot be given anyway
		groups = append(groups, u.Groups...)
	}
	for _, g := range groups {
		if !h.hasGroup(g) {
			return unsupported("group id %d: this user namespace has no such id: %s", g, moreIDs)
		}
	}
	return nil
}

const moreIDs = "give your user more in /etc/subuid and /etc/subgid, see vz doctor"

// checkText refuses what no system call can take.
func checkText(list []string) error {
	for _, s := range list {
		if strings.ContainsRune(s, 0) {
			return invalid("%q holds a NUL byte", s)
		}
	}
	return nil
}

// Exec returns the process of a further program in a running container made
// from spec. root is the container's root as it is now, such as
// /proc/PID/root.
func Exec(spec *specs.Spec, root string, cfg vzcontract.ExecConfig) (*specs.Process, error) {
	h, err := thisHost()
	if err != nil {
		return nil, err
	}
	return execProcess(spec, root, cfg, h)
}

func execProcess(spec *specs.Spec, root string, cfg vzcontract.ExecConfig, h host) (*specs.Process, error) {
	if len(cfg.Args) == 0 || cfg.Args[0] == "" {
		return nil, invalid("no program to run")
	}
	p := *spec.Process
	p.Args, p.Terminal, p.ConsoleSize = cfg.Args, cfg.TTY, nil
	if cfg.TTY && cfg.Size.Rows > 0 {
		p.ConsoleSize = &specs.Box{Height: uint(cfg.Size.Rows), Width: uint(cfg.Size.Cols)}
	}
	if cfg.WorkingDir != "" {
		if !path.IsAbs(cfg.WorkingDir) {
			return nil, invalid("working directory %q is not absolute", cfg.WorkingDir)
		}
		p.Cwd = path.Clean(cfg.WorkingDir)
	}
	p.Env = slices.Clone(p.Env)
	if cfg.User != "" || len(cfg.Groups) > 0 {
		user, err := h.lookupUser(root, userOf(cfg.User, p.User), cfg.Groups)
		if err != nil {
			return nil, err
		}
		if p.User.UID != user.UID {
			p.Env = overlayEnv(p.Env, []string{"HOME=" + user.Home})
		}
		if err := h.hasPlace(user); err != nil {
			return nil, err
		}
		p.User = specUser(user)
	}
	switch {
	case cfg.TTY:
		p.Env = withDefaults(p.Env, []string{"TERM=xterm"})
	case spec.Process.Terminal: // what process 1 has for its own terminal
		p.Env = slices.DeleteFunc(p.Env, func(e string) bool { return e == "TERM=xterm" })
	}
	p.Env = overlayEnv(p.Env, cfg.Env)
	if cfg.Privileged {
		p.Capabilities = capabilitySets(h.all())
	}
	return &p, checkText(append([]string{p.Cwd}, append(p.Args, p.Env...)...))
}

// userOf returns the user to look up: the one asked for, else the container's.
func userOf(name string, own specs.User) string {
	if name != "" {
		return name
	}
	return fmt.Sprintf("%d:%d", own.UID, own.GID)
}

// overlayEnv returns base with the entries of over set in it.
func overlayEnv(base, over []string) []string {
	out := append([]string(nil), base...)
next:
	for _, e := range over {
		k, _, _ := strings.Cut(e, "=")
		for i, o := range out {
			if strings.HasPrefix(o, k+"=") {
				out[i] = e
				continue next
			}
		}
		out = append(out, e)
	}
	return out
}
