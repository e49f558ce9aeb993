package plan

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

// want describes services as "name", "name*2" (replicas), "name#h" (hash), "->dep",
// "=>dep" (healthy), "~>dep" (restart), "@other" (shares), in words.
func want(services ...string) *Desired {
	d := &Desired{Project: "p", Networks: []Network{{Key: "default", Config: vzcontract.NetworkConfig{Name: "p_default"}, Hash: "n"}}}
	for _, text := range services {
		words := strings.Fields(text)
		name, hash, _ := strings.Cut(words[0], "#")
		name, replicas, many := strings.Cut(name, "*")
		s := Service{Name: name, Hash: hash, Replicas: 1, Run: vzcontract.RunConfig{
			Image: "img", Networks: []vzcontract.NetworkAttach{{Network: "p_default"}},
		}}
		if many {
			s.Replicas, _ = strconv.Atoi(replicas)
		}
		for _, word := range words[1:] {
			switch {
			case strings.HasPrefix(word, "->"):
				s.DependsOn = append(s.DependsOn, Dependency{Service: word[2:], Condition: Started})
			case strings.HasPrefix(word, "=>"):
				s.DependsOn = append(s.DependsOn, Dependency{Service: word[2:], Condition: Healthy})
			case strings.HasPrefix(word, "~>"):
				s.DependsOn = append(s.DependsOn, Dependency{Service: word[2:], Condition: Started, Restart: true})
			case word[0] == '@':
				s.SharesWith = append(s.SharesWith, word[1:])
			}
		}
		d.Services = append(d.Services, s)
	}
	slices.SortFunc(d.Services, func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
	return d
}

// have describes containers as "name-1#hash state", with dependencies as in want.
func have(containers ...string) *Observed {
	o := &Observed{Others: map[string]string{}, Images: map[string]string{"img": "sha256:i"}, Volumes: map[string]vzcontract.VolumeInfo{}, Networks: map[string]vzcontract.NetworkInfo{}}
	if containers != nil {
		o.Networks["p_default"] = vzcontract.NetworkInfo{NetworkConfig: vzcontract.NetworkConfig{
			Name: "p_default", Labels: map[string]string{LabelProject: "p", LabelConfigured: "n"},
		}}
	}
	for _, text := range containers {
		words := strings.Fields(text)
		name, hash, _ := strings.Cut(words[0], "#")
		service, number, _ := strings.Cut(name, "-")
		labels := map[string]string{LabelProject: "p", LabelService: service, LabelNumber: number, LabelHash: hash}
		info := vzcontract.ContainerInfo{ID: "id-" + name, Name: "p-" + name, State: vzcontract.State(words[1]), ImageID: "sha256:i", Labels: labels}
		info.Config.Networks = []vzcontract.NetworkAttach{{Network: "p_default"}}
		var deps []Dependency
		for _, word := range words[2:] {
			switch {
			case word[0] == '@':
				labels[LabelShares] = word[1:]
			case strings.HasPrefix(word, "named:"):
				info.Name = word[6:]
				info.ID = "new-" + name
				labels[LabelReplaces] = "id-" + name
			case strings.HasPrefix(word, "image:"):
				info.ImageID = word[6:]
			default:
				deps = append(deps, Dependency{Service: word[2:], Condition: Started})
			}
		}
		labels[LabelDependsOn] = DependsOnLabel(deps)
		c, _ := ContainerOf(info)
		o.Containers = append(o.Containers, c)
	}
	return o
}

func TestMake(t *testing.T) {
	tests := []struct {
		name  string
		want  *Desired
		have  *Observed
		opts  Options
		steps string
	}{
		{"first", want("web ->db", "db"), have(), Options{}, `
0 create-network p_default
1 create p-db-1 after 0
2 start p-db-1 after 1
3 create p-web-1 after 0
4 start p-web-1 after 2 3`},
		{"missing image, pulled once", want("a", "b"), &Observed{Images: map[string]string{}}, Options{}, `
0 pull img
1 create-network p_default after 0
2 create p-a-1 after 1
3 start p-a-1 after 2
4 create p-b-1 after 1
5 start p-b-1 after 4`},
		{"nothing to do", want("web ->db", "db"), have("web-1 running", "db-1 running"), Options{}, ""},
		{"healthy is awaited once", want("a =>db", "b =>db", "db"), have("db-1 running"), Options{}, `
0 create p-a-1
1 wait db service_healthy
2 start p-a-1 after 0 1
3 create p-b-1
4 start p-b-1 after 1 3`},
		{"stopped is started", want("web ->db", "db"), have("web-1 stopped", "db-1 stopped"), Options{}, `
0 start p-db-1
1 start p-web-1 after 0`},
		{"changed is made anew before the old one goes", want("web#2 ->db", "db"), have("web-1#1 running", "db-1 running"), Options{}, `
0 create p-web-1 as id-web-1_p-web-1
1 stop p-web-1 after 0
2 remove p-web-1 after 1
3 rename p-web-1 as id-web-1_p-web-1 after 2
4 start p-web-1 after 3`},
		{"changed, on a backend that cannot rename", want("web#2"), have("web-1#1 running"), Options{InPlace: true}, `
0 stop p-web-1
1 remove p-web-1 after 0
2 create p-web-1 after 1
3 start p-web-1 after 2`},
		{"changed image", want("web"), have("web-1 stopped image:sha256:old"), Options{}, `
0 create p-web-1 as id-web-1_p-web-1
1 remove p-web-1 after 0
2 rename p-web-1 as id-web-1_p-web-1 after 1
3 start p-web-1 after 2`},
		{"changed, kept", want("web#2"), have("web-1#1 running"), Options{Recreate: Never}, ""},
		{"restart follows", want("web ~>db", "db#2"), have("web-1 running", "db-1#1 running"), Options{}, `
0 create p-db-1 as id-db-1_p-db-1
1 stop p-db-1 after 0
2 remove p-db-1 after 1
3 rename p-db-1 as id-db-1_p-db-1 after 2
4 start p-db-1 after 3
5 stop p-web-1
6 start p-web-1 after 4 5`},
		{"namespaces follow", want("side @db", "db#2"), have("side-1 running @db", "db-1#1 running"), Options{}, `
0 create p-db-1 as id-db-1_p-db-1
1 stop p-db-1 after 0
2 remove p-db-1 after 1
3 rename p-db-1 as id-db-1_p-db-1 after 2
4 start p-db-1 after 3
5 create p-side-1 as id-side-1_p-side-1 after 3
6 stop p-side-1 after 5
7 remove p-side-1 after 6
8 rename p-side-1 as id-side-1_p-side-1 after 7
9 start p-side-1 after 4 8`},
		{"forced for what was named, not for what it needs", want("web ->db", "db"), have("web-1 running", "db-1 running"), Options{Recreate: Always, Targets: []string{"web"}}, `
0 create p-web-1 as id-web-1_p-web-1
1 stop p-web-1 after 0
2 remove p-web-1 after 1
3 rename p-web-1 as id-web-1_p-web-1 after 2
4 start p-web-1 after 3`},
		{"scaled up and down", want("a*2", "b"), have("a-1 running", "b-1 running", "b-2 running"), Options{}, `
0 create p-a-2
1 start p-a-2 after 0
2 stop p-b-2
3 remove p-b-2 after 2`},
		{"killed before the old one went", want("web#2"), have("web-1#1 running", "web-1#2 created named:id-web-1_p-web-1"), Options{}, `
0 remove id-web-1_p-web-1
1 create p-web-1 as id-web-1_p-web-1 after 0
2 stop p-web-1 after 1
3 remove p-web-1 after 2
4 rename p-web-1 as id-web-1_p-web-1 after 3
5 start p-web-1 after 4`},
		{"killed after the old one went", want("web#2"), have("web-1#2 created named:id-web-1_p-web-1"), Options{}, `
0 rename p-web-1 as id-web-1_p-web-1
1 start p-web-1 after 0`},
		{"not started", want("web ->db", "db"), have("db-1 running"), Options{NoStart: true}, `
0 create p-web-1`},
		{"only what exists", want("web*3 ->db", "db", "new"), have("web-2 stopped", "db-1 stopped"), Options{Existing: true, Recreate: Never}, `
0 start p-db-1
1 start p-web-2 after 0`},
		{"orphans", want("a"), have("a-1 running", "old-1 running ->a"), Options{RemoveOrphans: true}, `
0 stop p-old-1
1 remove p-old-1 after 0`},
		{"known but not wanted now", want("a"), have("a-1 running", "other-1 running"), Options{RemoveOrphans: true, Known: []string{"other"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Make(tt.want, tt.have, tt.opts)
			require.NoError(t, err)
			require.Equal(t, strings.TrimPrefix(tt.steps, "\n"), strings.TrimSuffix(p.String(), "\n"))
			for i, s := range p.Steps {
				for _, before := range s.After {
					require.Less(t, before, i, "steps are in an order that can be run")
				}
			}
		})
	}
}

func TestMakeWithAnotherNetwork(t *testing.T) {
	d := want("web", "db")
	d.Networks[0].Hash = "other"
	p, err := Make(d, have("web-1 running", "db-1 stopped"), Options{})
	require.NoError(t, err)
	require.Equal(t, `0 remove p-db-1
1 stop p-web-1
2 remove p-web-1 after 1
3 remove-network p_default after 0 2
4 create-network p_default after 3
5 create p-db-1 after 4
6 start p-db-1 after 5
7 create p-web-1 after 4
8 start p-web-1 after 7
`, p.String())
	require.Equal(t, "id-web-1", p.Steps[7].Replaces, "its anonymous volumes are taken over")
}

func TestMakeRefuses(t *testing.T) {
	taken := have()
	taken.Others["p-web-1"] = "id"
	foreign := have()
	foreign.Networks["p_default"] = vzcontract.NetworkInfo{}
	external := want("web")
	external.Networks[0].External = true
	volume := want("web")
	volume.Volumes = []Volume{{Key: "v", External: true, Config: vzcontract.VolumeConfig{Name: "v"}}}
	build := want("web")
	build.Services[0].Build, build.Services[0].Run.Image = true, "p-web"
	twice := want("a", "b")
	twice.Services[0].ContainerName, twice.Services[1].ContainerName = "c", "c"
	for name, tt := range map[string]struct {
		want *Desired
		have *Observed
		err  error
		text string
	}{
		"taken name":       {want("web"), taken, vzcontract.ErrConflict, "service web: the container name p-web-1 is in use by a container that belongs to no project: remove or rename that one"},
		"foreign network":  {want("web"), foreign, vzcontract.ErrConflict, "the network p_default exists and does not belong to project p: remove it, or declare it external"},
		"external network": {external, have(), vzcontract.ErrNotFound, "network p_default declared as external, but could not be found: make it with `vz network create p_default`"},
		"external volume":  {volume, have(), vzcontract.ErrNotFound, "external volume \"v\" not found: make it with `vz volume create v`"},
		"build":            {build, have(), vzcontract.ErrUnsupported, "service web: build: vz cannot build images yet, and there is no image p-web: build it with another tool and bring it in with `vz load`, or pull it under that name"},
		"one name twice":   {twice, have(), vzcontract.ErrConflict, "container name \"c\" is already in use: services a and b both want it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Make(tt.want, tt.have, Options{})
			require.ErrorIs(t, err, tt.err)
			require.EqualError(t, err, tt.text)
		})
	}
}

func TestDown(t *testing.T) {
	o := have("web-1 running ->api", "api-1 stopped ->db", "db-1 running", "side-1 running @db")
	o.Volumes["p_data"] = vzcontract.VolumeInfo{VolumeConfig: vzcontract.VolumeConfig{Name: "p_data", Labels: map[string]string{LabelProject: "p"}}}
	o.Volumes["other"] = vzcontract.VolumeInfo{}
	p := Down("p", o, DownOptions{Volumes: true, Images: []string{"img"}})
	require.Equal(t, `0 stop p-web-1
1 stop p-side-1
2 stop p-db-1 after 0 1
3 remove p-web-1 after 0
4 remove p-side-1 after 1
5 remove p-api-1
6 remove p-db-1 after 2 4
7 remove-network p_default after 3 4 5 6
8 remove-volume p_data after 3 4 5 6
9 remove-image img after 3 4 5 6
`, p.String())

	p = Down("p", o, DownOptions{Services: []string{"web"}, KeepNetworks: true})
	require.Equal(t, "0 stop p-web-1\n1 remove p-web-1 after 0\n", p.String())
	p = Down("p", o, DownOptions{Known: []string{"web", "api"}})
	require.Equal(t, []string{"p-db-1", "p-side-1"}, p.Orphans)
	require.Empty(t, Down("none", o, DownOptions{}).Steps)
}

func TestStopAllCutsDamagedCycles(t *testing.T) {
	p := StopAll(have("a-1 running ->b", "b-1 running ->a").Containers)
	require.Len(t, p.Steps, 2)
	for i, s := range p.Steps {
		for _, before := range s.After {
			require.Less(t, before, i)
		}
	}
}

func TestDependsOnLabel(t *testing.T) {
	deps := []Dependency{{Service: "a", Condition: Healthy, Restart: true}, {Service: "b", Condition: Started}}
	require.Equal(t, "a:service_healthy:true,b:service_started:false", DependsOnLabel(deps))
	require.Equal(t, deps, ParseDependsOn(DependsOnLabel(deps)))
	require.Empty(t, ParseDependsOn(""))
	require.Equal(t, []Dependency{{Service: "x", Condition: Started}}, ParseDependsOn("x,,:"))
}
