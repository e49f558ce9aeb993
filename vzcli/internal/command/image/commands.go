package image

import "vz.internal/vzcli/internal/command"

// Commands returns the verbs, each also as `vz image VERB`.
func Commands() []command.Command {
	all := []command.Command{
		{Name: "pull", Help: "Fetch images from a registry", New: func() command.Verb { return new(pull) }},
		{Name: "images", Aliases: []string{"image ls", "image list"}, Help: "List images", New: func() command.Verb { return new(images) }},
		{Name: "rmi", Aliases: []string{"image rm", "image remove"}, Help: "Remove images", New: func() command.Verb { return new(rmi) }},
	}
	for i := range all {
		c := &all[i]
		c.Group = command.GroupImages
		if c.Complete == command.Nothing {
			c.Complete = command.Images
		}
		if len(c.Aliases) == 0 {
			c.Aliases = []string{"image " + c.Name}
		}
	}
	return all
}
