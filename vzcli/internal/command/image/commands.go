package image

import (
	"strings"

	"vz.internal/vzcli/internal/command"
)

// Commands returns the verbs, each also as `vz image VERB`.
func Commands() []command.Command {
	all := []command.Command{
		{Name: "pull", Help: "Fetch an image from a registry", New: func() command.Verb { return new(pull) }},
		{Name: "push", Help: "Send an image to a registry", New: func() command.Verb { return new(push) }},
		{Name: "images", Aliases: []string{"image ls", "image list"}, Help: "List images", New: func() command.Verb { return new(images) }},
		{Name: "rmi", Aliases: []string{"image rm", "image remove"}, Help: "Remove images", New: func() command.Verb { return new(rmi) }},
		{Name: "tag", Help: "Give an image another name", New: func() command.Verb { return new(tag) }},
		{Name: "save", Help: "Write images as an archive", New: func() command.Verb { return new(save) }},
		{Name: "load", Help: "Read images from an archive", Complete: command.Files, New: func() command.Verb { return new(load) }},
		{Name: "import", Help: "Make an image from a tar archive of a root file system", Complete: command.Files, New: func() command.Verb { return new(importCmd) }},
		{Name: "history", Help: "Show the steps that made an image", New: func() command.Verb { return new(history) }},
		{Name: "login", Help: "Keep credentials for a registry", Complete: command.Nothing, New: func() command.Verb { return new(login) }},
		{Name: "logout", Help: "Forget credentials of a registry", Complete: command.Nothing, New: func() command.Verb { return new(logout) }},
		{Name: "image inspect", Help: "Show all about images", New: func() command.Verb { return new(inspectCmd) }},
		{Name: "image prune", Help: "Remove images that nothing uses", New: func() command.Verb { return new(prune) }},
	}
	for i := range all {
		c := &all[i]
		c.Group = command.GroupImages
		login := strings.HasPrefix(c.Name, "log")
		if c.Complete == command.Nothing && !login {
			c.Complete = command.Images
		}
		if len(c.Aliases) == 0 && !strings.HasPrefix(c.Name, "image ") && !login {
			c.Aliases = []string{"image " + c.Name}
		}
	}
	return all
}
