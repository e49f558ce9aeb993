package conformance

var userChecks = []check{
	{name: "user", run: user},
	{name: "user-groups", run: userGroups},
	{name: "user-permissions", run: userPermissions},
}

func user(e *env) {
	for name, want := range map[string]string{
		"": "0:0:/root", "root": "0:0:/root", "app": "1000:1000:/home/app", "1000": "1000:1000:/home/app",
		"app:audio": "1000:29:/home/app", "app:29": "1000:29:/home/app", "4711": "4711:0:/", "4711:4712": "4711:4712:/",
	} {
		cfg := e.config("sh", "-c", "echo $(id -u):$(id -g):$HOME")
		cfg.User = name
		if got := e.output(cfg); got != want+"\n" {
			e.Errorf("user %q = %q, want %s", name, got, want)
		}
	}
}

// userGroups: the groups of the user come from the group file unless a group
// was given; extra ones are added.
func userGroups(e *env) {
	for name, want := range map[string]string{"app": "1000 29", "app:app": "1000", "root": "0"} {
		cfg := e.config("id", "-G")
		cfg.User = name
		if got := e.output(cfg); !sameFields(got, want) {
			e.Errorf("groups of %q = %q, want %s in any order", name, got, want)
		}
	}
	cfg := e.config("id", "-G")
	cfg.User, cfg.Groups = "app:app", []string{"daemon", "88"}
	if got := e.output(cfg); !sameFields(got, "1000 1 88") {
		e.Errorf("groups with extra ones = %q, want 1000 1 88 in any order", got)
	}
}

func userPermissions(e *env) {
	cfg := e.config("sh", "-c", "touch /etc/mine 2> /dev/null && echo etc; touch /tmp/mine && echo tmp; touch $HOME/mine && echo home")
	cfg.User = "app"
	if r := e.run(cfg, nil); r.stdout != "tmp\nhome\n" {
		e.Errorf("an ordinary user could write to %q, want tmp and home (stderr %q)", r.stdout, r.stderr)
	}
}
