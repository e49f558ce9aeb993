package owner

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// volumes puts the host's volumes where the guest has those of the same names.
func (o *owner) volumes(ctx context.Context) error {
	for _, v := range o.record.Volumes {
		info, err := o.runtime.CreateVolume(ctx, vzcontract.VolumeConfig{Name: v.Name})
		if err != nil {
			return err
		}
		req := agentproto.MountRequest{Kind: "bind", Tag: path.Join(guest.SharePath, v.Entry), Path: info.Mountpoint}
		if err := o.agent.Call(ctx, agentproto.MethodMount, req, nil); err != nil {
			return err
		}
	}
	return nil
}

// removeVolumes removes the volumes that were made for the container.
func (o *owner) removeVolumes() error {
	var errs []error
	for _, v := range o.record.Volumes {
		for _, e := range o.record.Entries {
			if v.Anonymous && e.Name == v.Entry {
				errs = append(errs, os.RemoveAll(filepath.Dir(e.Source))) // that of its data
			}
		}
	}
	return errors.Join(errs...)
}
