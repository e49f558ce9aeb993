package changes

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
)

func TestApply(t *testing.T) {
	tests := []struct {
		lines []string
		want  v1.Config
	}{
		{[]string{"CMD echo hi"}, v1.Config{Cmd: []string{"/bin/sh", "-c", "echo hi"}}},
		{[]string{`SHELL ["/bin/bash","-c"]`, "cmd x", `ENTRYPOINT ["a","b"]`}, v1.Config{Shell: []string{"/bin/bash", "-c"}, Cmd: []string{"/bin/bash", "-c", "x"}, Entrypoint: []string{"a", "b"}}},
		{[]string{"ENV A=1", `ENV A=2 B="x y" C=d\ e`, "ENV D some words"}, v1.Config{Env: []string{"A=2", "B=x y", "C=d e", "D=some words"}}},
		{[]string{"LABEL a=b c='d e'"}, v1.Config{Labels: map[string]string{"a": "b", "c": "d e"}}},
		{[]string{"EXPOSE 80 53/udp"}, v1.Config{ExposedPorts: map[string]struct{}{"80/tcp": {}, "53/udp": {}}}},
		{[]string{`VOLUME ["/a"]`, "VOLUME /b /c"}, v1.Config{Volumes: map[string]struct{}{"/a": {}, "/b": {}, "/c": {}}}},
		{[]string{"WORKDIR a", "WORKDIR b", "USER 1:2", "STOPSIGNAL SIGINT", "ONBUILD RUN x"}, v1.Config{WorkingDir: "/a/b", User: "1:2", StopSignal: "SIGINT", OnBuild: []string{"RUN x"}}},
		{[]string{"HEALTHCHECK --interval=5s --retries=2 CMD curl x"}, v1.Config{Healthcheck: &v1.HealthConfig{Test: []string{"CMD-SHELL", "curl x"}, Interval: 5e9, Retries: 2}}},
		{[]string{`HEALTHCHECK CMD ["a"]`}, v1.Config{Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "a"}}}},
		{[]string{"HEALTHCHECK NONE"}, v1.Config{Healthcheck: &v1.HealthConfig{Test: []string{"NONE"}}}},
	}
	for _, tt := range tests {
		var got v1.Config
		if err := Apply(&got, tt.lines); err != nil {
			t.Errorf("Apply(%q) = %v", tt.lines, err)
		} else if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("Apply(%q): %s", tt.lines, d)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, line := range []string{
		"", "CMD", "COPY a b", "ENV A", `ENV A="b`, "ENV A=1 B", "LABEL =x", "EXPOSE http", "EXPOSE 80/quic", "VOLUME relative", `VOLUME ["a`, "SHELL sh",
		"HEALTHCHECK curl", "HEALTHCHECK --interval=x CMD y", "HEALTHCHECK --nonsense=1s CMD y", "HEALTHCHECK --retries=-1 CMD y", `CMD ["a", 1]`,
	} {
		if err := Apply(&v1.Config{}, []string{line}); !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("Apply(%q) = %v, want invalid", line, err)
		}
	}
}

func FuzzApply(f *testing.F) {
	for _, seed := range []string{"ENV A='b c' D", `CMD ["x"]`, "HEALTHCHECK --retries=1 CMD x", "EXPOSE 1-2/tcp"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, line string) { _ = Apply(&v1.Config{}, []string{line}) })
}
