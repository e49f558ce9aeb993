package guestbundle

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pierrec/lz4/v4"
	"github.com/u-root/u-root/pkg/cpio"
)

// WriteInitramfs writes an archive with the program agent as /init and nothing
// else to w, compressed by LZ4: the guest unpacks that in a tenth of the time that gzip's
// format takes. Equal agents give equal bytes.
func WriteInitramfs(w io.Writer, agent string) error {
	program, err := os.ReadFile(agent)
	if err != nil {
		return err
	}
	z := lz4.NewWriter(w)
	// The kernel knows the older of its formats.
	if err := z.Apply(lz4.LegacyOption(true), lz4.CompressionLevelOption(lz4.Level9)); err != nil {
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
