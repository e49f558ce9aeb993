package copytar

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Rename writes the stream to w with the names that Extract would give its
// entries, and returns how many bytes files have.
func Rename(w io.Writer, r io.Reader, opts Options) (int64, error) {
	var total int64
	in, out := tar.NewReader(r), tar.NewWriter(w)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return total, out.Close()
		}
		if err != nil {
			return total, fmt.Errorf("read archive: %w", err)
		}
		if h.Name, err = opts.entry(h.Name); err != nil {
			return total, err
		}
		if h.Typeflag == tar.TypeLink {
			if h.Linkname, err = opts.entry(h.Linkname); err != nil {
				return total, err
			}
		}
		if err := out.WriteHeader(h); err != nil {
			return total, err
		}
		n, err := io.Copy(out, in)
		total += n
		if err != nil {
			return total, err
		}
	}
}

// entry is place as archives write it: "./" before what is in the directory
// alone, a slash after directories.
func (o Options) entry(name string) (string, error) {
	place, err := o.place(name)
	if err != nil {
		return "", err
	}
	if o.To == "." && place != "." {
		place = "./" + place
	}
	if strings.HasSuffix(name, "/") {
		place += "/"
	}
	return place, nil
}
