package vmtest

import (
	"archive/tar"
	"bytes"
	"io"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

func TestFiles(t *testing.T) { each(t, testFiles) }

func testFiles(t *testing.T, arch string) {
	g := Start(t, arch, Config(t, arch))
	t.Run("one file", func(t *testing.T) { testFile(t, g) })
	t.Run("tree", func(t *testing.T) { testTree(t, g) })
	t.Run("hostile tree", func(t *testing.T) { testHostileTree(t, g) })
}

func testFile(t *testing.T, g *Guest) {
	ctx := t.Context()
	req := agentproto.FileWriteRequest{Path: "/tmp/a", Mode: 0o4750, UID: 7, GID: 8}
	require.NoError(t, g.Agent.WriteFile(ctx, strings.NewReader("hello"), req))
	info, err := g.Agent.Stat(ctx, "/tmp/a")
	require.NoError(t, err)
	require.Less(t, time.Since(info.Time).Abs(), time.Hour)
	info.Time = time.Time{}
	require.Equal(t, agentproto.FileInfo{Name: "a", Kind: "file", Size: 5, Mode: 0o4750, UID: 7, GID: 8}, info)
	var got bytes.Buffer
	require.NoError(t, g.Agent.ReadFile(ctx, &got, agentproto.FileRequest{Path: "/tmp/a", Offset: 1, Limit: 3}))
	require.Equal(t, "ell", got.String())
	require.NoError(t, g.Agent.Rename(ctx, "/tmp/a", "/tmp/b"))
	require.NoError(t, g.Agent.Mkdir(ctx, agentproto.MkdirRequest{Path: "/tmp/d", Mode: 0o700}))
	list, err := g.Agent.List(ctx, "/tmp")
	require.NoError(t, err)
	require.Len(t, list.Entries, 2, "nothing is left of the upload: %v", list)

	// What cannot be done is said, and a broken upload leaves the old file.
	require.ErrorIs(t, g.Agent.ReadFile(ctx, io.Discard, agentproto.FileRequest{Path: "/tmp/a"}), vzcontract.ErrNotFound)
	require.Error(t, g.Agent.ReadFile(ctx, io.Discard, agentproto.FileRequest{Path: "/tmp"}))
	require.ErrorIs(t, g.Agent.ReadFile(ctx, io.Discard, agentproto.FileRequest{Path: "tmp"}), vzcontract.ErrValidation)
	require.ErrorIs(t, g.Agent.WriteFile(ctx, strings.NewReader("x"), agentproto.FileWriteRequest{Path: "/no/a"}), vzcontract.ErrNotFound)
	require.ErrorIs(t, g.Agent.WriteFile(ctx, strings.NewReader("x"), agentproto.FileWriteRequest{Path: "/tmp/d"}), vzcontract.ErrConflict)
	require.ErrorIs(t, g.Agent.Mkdir(ctx, agentproto.MkdirRequest{Path: "/tmp/d"}), vzcontract.ErrConflict)
	require.ErrorIs(t, g.Agent.Remove(ctx, agentproto.RemoveRequest{Path: "/tmp/a", Tree: true}), vzcontract.ErrNotFound)
	require.ErrorIs(t, g.Agent.Remove(ctx, agentproto.RemoveRequest{Path: "/", Tree: true}), vzcontract.ErrValidation)
	require.NoError(t, g.Agent.Remove(ctx, agentproto.RemoveRequest{Path: "/tmp/d", Tree: true}))
}

// entries are what a tree is compared by.
func entries(t *testing.T, archive []byte) []string {
	t.Helper()
	var all []string
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if err == io.EOF {
			sort.Strings(all)
			return all
		}
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		x := h.PAXRecords["SCHILY.xattr.trusted.a"]
		all = append(all, strings.Join([]string{
			h.Name, string(h.Typeflag), h.Linkname, h.FileInfo().Mode().String(), itoa(h.Uid), itoa(h.Gid), h.ModTime.UTC().Format(time.RFC3339Nano),
			itoa(int(h.Devmajor)), itoa(int(h.Devminor)), x, string(content),
		}, " "))
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

func testTree(t *testing.T, g *Guest) {
	when := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	var sent bytes.Buffer
	w := tar.NewWriter(&sent)
	add := func(h tar.Header, content string) {
		h.ModTime, h.Format, h.Size = when, tar.FormatPAX, int64(len(content))
		require.NoError(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, content)
		require.NoError(t, err)
	}
	add(tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o751, Uid: 1, Gid: 2}, "")
	add(tar.Header{Name: "dir/", Typeflag: tar.TypeDir, Mode: 0o555, Uid: 1000, Gid: 1001}, "")
	add(tar.Header{Name: "dir/file", Typeflag: tar.TypeReg, Mode: 0o4711, Uid: 70000, Gid: 5, PAXRecords: map[string]string{"SCHILY.xattr.trusted.a": "v\x00w"}}, "content")
	add(tar.Header{Name: "dir/hard", Typeflag: tar.TypeLink, Linkname: "dir/file", Mode: 0o4711, Uid: 70000, Gid: 5}, "")
	add(tar.Header{Name: "dir/soft", Typeflag: tar.TypeSymlink, Linkname: "/no/where", Mode: 0o777, Uid: 3, Gid: 4}, "")
	add(tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, Mode: 0o666}, "")
	add(tar.Header{Name: "pipe", Typeflag: tar.TypeFifo, Mode: 0o600}, "")
	require.NoError(t, w.Close())

	require.NoError(t, g.Agent.WriteTree(t.Context(), bytes.NewReader(sent.Bytes()), "/tmp/tree"))
	var got bytes.Buffer
	require.NoError(t, g.Agent.ReadTree(t.Context(), &got, "/tmp/tree"))
	want := entries(t, sent.Bytes())
	// A symbolic link has no time of its own to set, and the first of two links
	// in a directory's order is the file.
	clean := func(all []string) []string {
		for i, e := range all {
			if strings.Contains(e, "soft") {
				all[i] = strings.Join(strings.Split(e, " ")[:6], " ")
			}
		}
		return all
	}
	require.Equal(t, clean(want), clean(entries(t, got.Bytes())))
}

// testHostileTree unpacks archives that try to get out of their directory.
func testHostileTree(t *testing.T, g *Guest) {
	archive := func(headers ...tar.Header) io.Reader {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			require.NoError(t, w.WriteHeader(&h))
			_, _ = w.Write(make([]byte, h.Size))
		}
		_ = w.Close()
		return &b
	}
	out := tar.Header{Name: "../../etc/evil", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}
	require.NoError(t, g.Agent.WriteTree(t.Context(), archive(out), "/tmp/h1"))
	_, err := g.Agent.Stat(t.Context(), "/tmp/h1/etc/evil")
	require.NoError(t, err, "the name is cut")

	link := tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}
	require.Error(t, g.Agent.WriteTree(t.Context(), archive(link, tar.Header{Name: "l/evil", Typeflag: tar.TypeReg, Size: 1}), "/tmp/h2"))
	hard := tar.Header{Name: "x", Typeflag: tar.TypeLink, Linkname: "../../etc/passwd"}
	require.Error(t, g.Agent.WriteTree(t.Context(), archive(hard), "/tmp/h3"))
	require.Error(t, g.Agent.WriteTree(t.Context(), strings.NewReader(strings.Repeat("x", 2048)), "/tmp/h4"))
	_, err = g.Agent.Stat(t.Context(), "/etc/evil")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
}
