package container

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

// A size is what a container's files take: its own, and with those of its image.
type size struct{ own, all int64 }

// measure walks the files that c has changed or added. known is false where
// they do not lie apart from the image's.
func measure(env *command.Env, s *command.Services, c vzcontract.ContainerInfo) (z size, known bool, err error) {
	dir := c.RootfsData["UpperDir"]
	if dir == "" && c.State != vzcontract.StateCreated { // a new one has changed nothing
		return size{}, false, nil
	}
	z.own = command.TreeSize(dir)
	z.all = z.own
	if c.ImageID == "" || s.Images == nil {
		return z, true, nil
	}
	image, err := s.Images.InspectImage(env.Ctx, c.ImageID)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return z, true, nil // it was removed; what is left of it is not known
	}
	z.all += image.Size
	return z, true, err
}

// sizeWord is docker's text.
func sizeWord(z size, known bool) string {
	if !known {
		return "N/A"
	}
	return output.Size(z.own) + " (virtual " + output.Size(z.all) + ")"
}
