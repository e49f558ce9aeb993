package vzoci

import (
	"context"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/auth"
	"vz.internal/vzoci/internal/registry"
	"vz.internal/vzoci/reference"
)

// Logins keeps credentials of registries where Docker keeps them; see package
// auth.
type Logins struct {
	keychain *auth.Keychain
	settings *registry.Settings
}

// LoginsOptions of [OpenLogins].
type LoginsOptions struct {
	// Config is Docker's configuration file; "" is [auth.DefaultPath].
	Config string
	// Settings is the file with the settings of registries; "" for none.
	Settings string
}

// OpenLogins returns the logins of this user.
func OpenLogins(opts LoginsOptions) (*Logins, error) {
	keychain, err := auth.Open(opts.Config)
	if err != nil {
		return nil, err
	}
	settings, err := loadSettings(opts.Settings)
	if err != nil {
		return nil, err
	}
	return &Logins{keychain: keychain, settings: settings}, nil
}

func loadSettings(path string) (*registry.Settings, error) {
	if path == "" {
		return &registry.Settings{}, nil
	}
	return registry.LoadSettings(path)
}

// Login checks the credentials with the registry and keeps them. Wrong ones
// are ErrDenied and not kept. "" means Docker Hub.
func (l *Logins) Login(ctx context.Context, server, user, password string) error {
	name, err := registryName(server)
	if err != nil {
		return err
	}
	fail := func(err error) error {
		return &vzcontract.Error{Op: "log in", Kind: "to", Name: name, Class: classOf(err), Err: err}
	}
	if user == "" || password == "" {
		return fail(vzcontract.Errorf(vzcontract.ErrValidation, "user and password must not be empty"))
	}
	creds := auth.Credentials{Username: user, Password: password}
	client, err := registry.New(registry.Options{Credentials: auth.Static(creds), Settings: l.settings, UserAgent: userAgent})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx, name); err != nil {
		return fail(err)
	}
	if _, err := l.keychain.Put(ctx, name, creds); err != nil {
		return fail(err)
	}
	return nil
}

// Logout forgets the credentials; it reports whether there were any.
func (l *Logins) Logout(ctx context.Context, server string) (bool, error) {
	name, err := registryName(server)
	if err != nil {
		return false, err
	}
	return l.keychain.Erase(ctx, name)
}

// registryName reads what people give as a registry: a name, or the URL that
// Docker uses for its own.
func registryName(server string) (string, error) {
	name, err := reference.ParseRegistry(server)
	if err != nil {
		return "", err
	}
	return name, nil
}

const userAgent = "vz"

// classOf returns the sentinel of err's code.
func classOf(err error) error { return vzcontract.SentinelOf(vzcontract.CodeOf(err)) }
