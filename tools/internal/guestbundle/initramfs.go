package guestbundle

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/u-root/u-root/pkg/cpio"
)

// WriteInitramfs writes an archive with the program agent as /init and nothing
// else to w, compressed by gzip at the given level. Equal agents give equal bytes.
func WriteInitramfs(w io.Writer, agent string, level int) error {
	program, err := os.ReadFile(agent)
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(w, level)
	if err != nil {
		return err
	}
	records := []cpio.Record{
		cpio.Directory("dev", 0o755),
		cpio.CharDev("dev/console", 0o600, 5, 1),
		cpio.StaticFile("init", string(program), 0o755),
	}
	cpio.MakeAllReproducible(records)
	archive := cpio.Newc.Writer(z)
	if err := cpio.WriteRecords(archive, records); err != nil {
		return fmt.Errorf("write the initramfs: %w", err)
	}
	return errors.Join(cpio.WriteTrailer(archive), z.Close())
}
