package provision

import (
	"bytes"
	"crypto/rand"
	"debug/macho"
	"strings"

	"vz.internal/vzcontract"
)

// Options say what a guest gets.
type Options struct {
	User     string // dev if empty
	FullName string // User if empty
	UID      int    // 501 if 0
	Password string // see [NewPassword]
	UUID     string // see [UUID]
	Agent    []byte // the program vz-guest-agent for macOS
	Version  string // of the guest's macOS, such as 15.6.1
	Build    string // such as 24G90
	Salt     []byte // of the password's hash, 32 bytes; random if nil
}

// The defaults of Options.
const (
	DefaultUser = "dev"
	DefaultUID  = 501
)

// NewPassword returns a password of 26 letters and digits, of 128 random bits.
func NewPassword() string { return rand.Text() }

func (o Options) complete() (Options, error) {
	if o.User == "" {
		o.User = DefaultUser
	}
	if o.FullName == "" {
		o.FullName = o.User
	}
	if o.UID == 0 {
		o.UID = DefaultUID
	}
	if o.Salt == nil {
		o.Salt = make([]byte, saltSize)
		_, _ = rand.Read(o.Salt) // never fails
	}
	if err := checkUser(o.User); err != nil {
		return o, err
	}
	switch {
	case o.UID < DefaultUID || o.UID > 1<<31-1:
		return o, vzcontract.Errorf(vzcontract.ErrValidation, "the user id %d is not between %d and %d", o.UID, DefaultUID, 1<<31-1)
	case o.Password == "" || strings.ContainsAny(o.Password, "\x00\n"):
		return o, vzcontract.Errorf(vzcontract.ErrValidation, "the password is empty or has a zero byte or line feed")
	case len(o.UUID) != 36 || o.Version == "" || o.Build == "" || len(o.Salt) != saltSize:
		return o, vzcontract.Errorf(vzcontract.ErrValidation, "the user's UUID, the version or the build of macOS is missing")
	}
	return o, CheckAgent(o.Agent)
}

// CheckAgent returns an error unless program can run on a guest: one of macOS for Apple
// Silicon.
func CheckAgent(program []byte) error {
	f, err := macho.NewFile(bytes.NewReader(program))
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "the agent is no program of macOS (%v); want vz-guest-agent built for darwin/arm64", err)
	}
	defer f.Close()
	if f.Cpu != macho.CpuArm64 || f.Type != macho.TypeExec {
		return vzcontract.Errorf(vzcontract.ErrValidation, "the agent is a %v for %v; want the program vz-guest-agent built for darwin/arm64", f.Type, f.Cpu)
	}
	return nil
}

// Files returns what has to be on the guest's data volume before its first boot. Its
// errors match vzcontract.ErrValidation.
func Files(o Options) (Tree, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	var errs []error
	content := func(data []byte, err error) []byte {
		errs = append(errs, err)
		return data
	}
	needed := func(e Entry) Entry {
		e.Needed = true
		return e
	}
	const users = "private/var/db/dslocal/nodes/Default/users"
	t := Tree{
		needed(dir("Library", 0o755)), dir("Library/LaunchDaemons", 0o755), dir("Library/Preferences", 0o755),
		needed(dir("private", 0o755)), dir("private/etc", 0o755), needed(dir("private/var", 0o755)), needed(dir("private/var/db", 0o755)),
		needed(dir("private/var/db/dslocal", 0o755)), needed(dir("private/var/db/dslocal/nodes", 0o755)),
		needed(dir("private/var/db/dslocal/nodes/Default", 0o700)), needed(dir(users, 0o700)),
		dir("usr", 0o755), dir("usr/local", 0o755), dir("usr/local/libexec", 0o755),
		dir("Users", 0o755),
	}
	home := "Users/" + o.User
	t = append(t, owned(o.UID,
		dir(home, 0o750), dir(home+"/Library", 0o700), dir(home+"/Library/Preferences", 0o700),
		file(home+"/Library/Preferences/com.apple.SetupAssistant.plist", 0o600, content(setupAssistant(o.Version, o.Build))))...)
	t = append(t,
		file(users+"/"+o.User+".plist", 0o600, content(userRecord(o))),
		file("private/etc/kcpassword", 0o600, KCPassword(o.Password)),
		file("Library/Preferences/com.apple.loginwindow.plist", 0o644, content(loginWindow(o.User))),
		file(agentPath[1:], 0o755, o.Agent),
		file(agentJob[1:], 0o644, content(agent())),
		file(firstBootPath[1:], 0o755, firstBootScript(o.User)),
		file(firstBootJob[1:], 0o644, content(firstBoot())),
		// The last: a volume that is not done keeps its Setup Assistant.
		file("private/var/db/.AppleSetupDone", 0o644, nil),
	)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return t, t.check()
}
