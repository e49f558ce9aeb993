package compose

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/compose-spec/compose-go/v2/types"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// service translates one service.
func (t *translator) service(s types.ServiceConfig) plan.Service {
	p := t.problems().below("services.%s", s.Name)
	out := plan.Service{
		Name: s.Name, Replicas: s.GetScale(), ContainerName: s.ContainerName, Separator: t.separator,
		Attach: s.Attach == nil || *s.Attach, Build: s.Build != nil,
	}
	if out.ContainerName != "" && out.Replicas > 1 {
		p.add("container_name", "%d replicas cannot have one name", out.Replicas)
	}
	t.process(p, s, &out)
	t.dependencies(p, s, &out)
	t.pull(p, s, &out)
	t.connections(p, s, &out)
	t.namespaces(p, s, &out)
	t.mounts(p, s, &out)
	t.fileMounts(p, s, &out)
	t.limits(p, s, &out.Run)
	t.security(p, s, &out.Run)
	t.life(p, s, &out.Run)
	t.extension(p, s, &out.Run)
	out.PostStart = t.hooks(p.below("post_start[]"), s.PostStart)
	out.PreStop = t.hooks(p.below("pre_stop[]"), s.PreStop)
	t.label(s, &out)
	return out
}

// process is what runs: image, command, environment, user.
func (t *translator) process(p problems, s types.ServiceConfig, out *plan.Service) {
	run := &out.Run
	run.Image, run.Platform, run.SharedVM = s.Image, s.Platform, t.shared
	if run.Image == "" && s.Build != nil {
		run.Image = t.Name + t.separator + s.Name
	}
	if strings.ContainsFunc(run.Image, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) {
		p.add("image", "%q is no name of an image", run.Image)
	}
	run.Args = s.Command
	if s.Entrypoint != nil {
		run.Entrypoint, run.ClearEntrypoint = append([]string{}, s.Entrypoint...), len(s.Entrypoint) == 0
	}
	run.Env = environment(s.Environment)
	run.WorkingDir, run.User, run.Groups = s.WorkingDir, s.User, s.GroupAdd
	run.Hostname, run.Domainname = s.Hostname, s.DomainName
	run.TTY, run.OpenStdin, run.ReadOnly = s.Tty, s.StdinOpen, s.ReadOnly
	run.Init = s.Init != nil && *s.Init
	run.Annotations = s.Annotations
	if s.Umask != nil {
		p.add("umask", "the program's own umask holds; set it in the command")
	}
}

// environment gives sorted NAME=value words; a name without a value is unset.
func environment(m types.MappingWithEquals) []string {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if v := m[name]; v != nil {
			env = append(env, name+"="+*v)
		}
	}
	return env
}

func (t *translator) dependencies(p problems, s types.ServiceConfig, out *plan.Service) {
	for _, name := range slices.Sorted(maps.Keys(s.DependsOn)) {
		dep := s.DependsOn[name]
		d := plan.Dependency{Service: name, Condition: plan.Condition(dep.Condition), Restart: dep.Restart, Optional: !dep.Required}
		switch d.Condition {
		case "":
			d.Condition = plan.Started
		case plan.Started, plan.Healthy, plan.Completed:
		default:
			p.add("depends_on", "%s: unknown condition %q", name, dep.Condition)
		}
		if target, ok := t.Services[name]; ok && d.Condition == plan.Healthy && target.HealthCheck != nil && target.HealthCheck.Disable {
			p.add("depends_on", "%s can never be healthy: its healthcheck is disabled", name)
		}
		out.DependsOn = append(out.DependsOn, d)
	}
}

func (t *translator) pull(p problems, s types.ServiceConfig, out *plan.Service) {
	policy, after, err := s.GetPullPolicy()
	if err != nil {
		p.add("pull_policy", "%v", err)
	}
	switch policy {
	case types.PullPolicyAlways:
		out.Run.Pull = vzcontract.PullAlways
	case types.PullPolicyNever:
		out.Run.Pull = vzcontract.PullNever
	case types.PullPolicyRefresh:
		out.Run.Pull, out.RefreshAfter = vzcontract.PullMissing, after
	case types.PullPolicyBuild:
		out.Build = true
	default:
		out.Run.Pull = vzcontract.PullMissing
	}
	if out.Build && (s.Image == "" || policy == types.PullPolicyBuild) {
		out.Run.Pull = vzcontract.PullNever // no registry has what was to be built here
	}
}

func (t *translator) hooks(p problems, hooks []types.ServiceHook) []plan.Hook {
	var out []plan.Hook
	for _, h := range hooks {
		if len(h.Command) == 0 {
			p.add("command", "is missing")
			continue
		}
		out = append(out, plan.Hook{
			Args: h.Command, Env: environment(h.Environment), User: h.User, WorkingDir: h.WorkingDir, Privileged: h.Privileged,
		})
	}
	return out
}

// label gives the containers what ties them to the project, and hashes.
func (t *translator) label(s types.ServiceConfig, out *plan.Service) {
	labels := map[string]string{}
	maps.Copy(labels, s.Labels)
	labels[plan.LabelProject], labels[plan.LabelService], labels[plan.LabelOneOff] = t.Name, s.Name, "False"
	labels[plan.LabelVersion] = plan.ComposeVersion
	labels[plan.LabelDir], labels[plan.LabelFiles] = t.WorkingDir, strings.Join(t.ComposeFiles, ",")
	labels[plan.LabelDependsOn] = plan.DependsOnLabel(out.DependsOn)
	if len(out.SharesWith) > 0 {
		labels[plan.LabelShares] = strings.Join(out.SharesWith, ",")
	}
	for label, hooks := range map[string][]plan.Hook{plan.LabelPostStart: out.PostStart, plan.LabelPreStop: out.PreStop} {
		if len(hooks) == 0 {
			continue
		}
		text, err := json.Marshal(hooks)
		if err != nil {
			panic("compose: hooks do not marshal: " + err.Error()) // plain data
		}
		labels[label] = string(text)
	}
	out.Run.Labels = labels
	out.Hash = serviceHash(out)
	labels[plan.LabelHash] = out.Hash
}

// seconds turns Compose's duration into Go's.
func seconds(d *types.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return time.Duration(*d)
}
