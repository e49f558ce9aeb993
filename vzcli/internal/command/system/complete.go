package system

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/poolsocket"
	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

// complete prints the words that may stand where the last of Words does.
type complete struct {
	Words []string `arg:"" optional:"" passthrough:"partial" help:"The command line so far."`
}

// Run implements command.Verb.
func (c *complete) Run(env *command.Env) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	if program := command.Companions[words[0]]; program != "" && env.Program.Name == "vz" && len(words) > 1 {
		return ask(env, program, words[1:])
	}
	prefix := words[len(words)-1]
	found := candidates(env, words[:len(words)-1], prefix)
	slices.Sort(found)
	for _, word := range slices.Compact(found) {
		if strings.HasPrefix(word, prefix) || word == ":files" {
			if err := command.PrintLine(env, word); err != nil {
				return err
			}
		}
	}
	return nil
}

// ask has a companion complete the words, as it knows what may follow its verb. Without one there is nothing to say.
func ask(env *command.Env, program string, words []string) error {
	path, ok := command.Companion(program)
	if !ok {
		return nil
	}
	cmd := exec.CommandContext(env.Ctx, path, append([]string{"internal", "complete", "--"}, words...)...)
	cmd.Stdout, cmd.Stderr = env.Stdout, env.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("complete words of %s: %w", program, err)
	}
	return nil
}

func candidates(env *command.Env, before []string, prefix string) []string {
	cmd, ok := chosen(env, before)
	if !ok {
		return verbs(env, before)
	}
	model := grammar(cmd)
	if model == nil {
		return nil
	}
	args := before[len(strings.Fields(cmd.Name)):]
	if flag, rest, ok := strings.Cut(prefix, "="); ok && strings.HasPrefix(flag, "-") {
		return values(env, flag, strings.TrimSuffix(prefix, rest))
	}
	switch flag, given := position(model, args); {
	case flag != "":
		return values(env, flag, "")
	case given && len(model.Positional) > 0 && model.Positional[0].Passthrough:
		return []string{":files"} // the workload's own arguments
	}
	if strings.HasPrefix(prefix, "-") {
		return flags(model)
	}
	if cmd.Complete == command.Files {
		return []string{":files"}
	}
	return names(env, cmd.Complete)
}

// chosen is the command that the words name.
func chosen(env *command.Env, before []string) (command.Command, bool) {
	for n := min(2, len(before)); n > 0; n-- {
		name := strings.Join(before[:n], " ")
		for _, c := range env.Commands {
			if c.Name == name || slices.Contains(c.Aliases, name) {
				return c, true
			}
		}
	}
	return command.Command{}, false
}

// verbs are the words that may follow to name a command.
func verbs(env *command.Env, before []string) []string {
	start := strings.Join(append(slices.Clone(before), ""), " ")
	var found []string
	for _, c := range env.Commands {
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			if rest, ok := strings.CutPrefix(name, start); ok && !c.Hidden {
				word, _, _ := strings.Cut(rest, " ")
				found = append(found, word)
			}
		}
	}
	if len(before) == 0 && env.Program.Name == "vz" {
		found = slices.AppendSeq(found, maps.Keys(command.Companions))
	}
	return found
}

// names of what exists; a backend that does not answer gives none.
func names(env *command.Env, subject command.Subject) []string {
	s, err := env.Services()
	if err != nil {
		return nil
	}
	var found []string
	if subject == command.Containers || subject == command.Any {
		all, _ := s.Backend.List(env.Ctx)
		for _, c := range all {
			found = append(found, c.Name)
		}
	}
	if subject == command.Sandboxes {
		all, _ := s.Backend.List(env.Ctx)
		for _, c := range all {
			if c.Config.Labels[vzsandbox.Label] != "" {
				found = append(found, c.Name)
			}
		}
	}
	if subject == command.Pools {
		found, _ = poolsocket.Directory(filepath.Join(s.Run, "sandboxes")).Names()
	}
	if subject == command.Images || subject == command.Any {
		all, _ := s.Images.ListImages(env.Ctx)
		for _, i := range all {
			found = append(found, i.References...)
		}
	}
	if v, ok := s.Backend.(vzcontract.Volumes); ok && subject == command.Volumes {
		all, _ := v.ListVolumes(env.Ctx)
		for _, info := range all {
			found = append(found, info.Name)
		}
	}
	if n, ok := s.Backend.(vzcontract.Networks); ok && subject == command.Networks {
		all, _ := n.ListNetworks(env.Ctx)
		for _, info := range all {
			found = append(found, info.Name)
		}
	}
	return found
}
