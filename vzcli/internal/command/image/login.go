package image

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type login struct {
	Server        string `arg:"" optional:"" default:"docker.io" help:"Registry; Docker Hub without."`
	Username      string `short:"u" help:"User."`
	Password      string `short:"p" help:"Password; others can see it, so better use --password-stdin."`
	PasswordStdin bool   `help:"Read the password from stdin."`
}

// Run implements command.Verb.
func (c *login) Run(env *command.Env) error {
	if c.Password != "" && c.PasswordStdin {
		return command.Usagef("--password and --password-stdin exclude each other")
	}
	if c.PasswordStdin && c.Username == "" {
		return command.Usagef("--password-stdin: --username is missing")
	}
	if c.Password != "" {
		fmt.Fprintln(env.Stderr, "vz: --password can be seen by others in the list of processes; better use --password-stdin")
	}
	user, password, err := c.credentials(env)
	if err != nil {
		return err
	}
	logins, err := openLogins(env)
	if err != nil {
		return err
	}
	if err := logins.Login(env.Ctx, c.Server, user, password); err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, "Login Succeeded")
	return err
}

// credentials asks for what the flags leave open.
func (c *login) credentials(env *command.Env) (user, password string, err error) {
	user, password = c.Username, c.Password
	if c.PasswordStdin {
		data, err := io.ReadAll(io.LimitReader(env.Stdin, 1<<16))
		return user, strings.TrimRight(string(data), "\r\n"), err
	}
	if user != "" && password != "" {
		return user, password, nil
	}
	tty, ok := command.Terminal(env.Stdin)
	if !ok {
		return "", "", command.Usagef("login: no terminal to ask on; give --username and --password-stdin")
	}
	if user == "" {
		fmt.Fprintf(env.Stderr, "Username for %s: ", c.Server)
		line, err := bufio.NewReader(tty).ReadString('\n')
		if err != nil {
			return "", "", err
		}
		user = strings.TrimSpace(line)
	}
	if password == "" {
		fmt.Fprint(env.Stderr, "Password: ")
		secret, err := term.ReadPassword(int(tty.Fd()))
		fmt.Fprintln(env.Stderr)
		if err != nil {
			return "", "", err
		}
		password = string(secret)
	}
	if user == "" || password == "" {
		return "", "", command.Usagef("login: user and password must not be empty")
	}
	return user, password, nil
}

type logout struct {
	Server string `arg:"" optional:"" default:"docker.io" help:"Registry; Docker Hub without."`
}

// Run implements command.Verb.
func (c *logout) Run(env *command.Env) error {
	logins, err := openLogins(env)
	if err != nil {
		return err
	}
	had, err := logins.Logout(env.Ctx, c.Server)
	if err != nil {
		return err
	}
	if !had {
		_, err = fmt.Fprintln(env.Stdout, "Not logged in to "+c.Server)
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, "Removing login credentials for "+c.Server)
	return err
}

func openLogins(env *command.Env) (command.Logins, error) {
	s, err := env.Services()
	if err != nil {
		return nil, err
	}
	if s.Logins == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "backend %s keeps no credentials", s.Backend.BackendName())
	}
	return s.Logins, nil
}
