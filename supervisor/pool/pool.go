package pool

// This file is the pool actor: its members come, end, and are replaced.

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/internal/mailbox"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
)

// Props returns the Props of an actor that keeps a number of managed connections, its members.
// It takes the messages listed in messages/pool.go. It lives until messages.Stop, even when
// all its members have ended; every sender of a Stop is answered once, when they have.
func Props(cfg Config) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &pool{Config: cfg.withDefaults()} },
		mailbox.Each(place, actors.Observed(cfg.Observer, actors.RolePool, 0)))
}

// Member answers messages.GetMember and messages.ReplaceMember.
type Member struct {
	Index int
	// PID takes all commands of a managed connection. It stays the same until the
	// member ends; nil with an Err.
	PID *actor.PID
	// Err is messages.ErrNoMember if there is none with this index, or if it has
	// ended; messages.ErrStopped if the pool is stopping.
	Err error
}

// IndexOf returns the index of a member in its pool, for example of the sender of an event. ok
// is false for the PID of any other actor.
func IndexOf(pid *actor.PID) (index int, ok bool) {
	if pid == nil {
		return 0, false
	}
	name, ok := strings.CutPrefix(pid.Id[strings.LastIndexByte(pid.Id, '/')+1:], memberPrefix)
	if !ok {
		return 0, false
	}
	number, _, _ := strings.Cut(name, "-") // after it is what makes a name new
	index, err := strconv.Atoi(number)
	return index, err == nil && index >= 0
}

const memberPrefix = "member-"

// pool is the parent of its members. It does not watch them: a parent is told of the end of
// its children anyway, and would be told twice.
type pool struct {
	Config
	system *actor.ActorSystem
	self   *actor.PID

	size    int       // how many members are wanted
	members []*member // those that were spawned, by index, even if they have ended
	leaving map[string]*member
	living  int           // members that have an actor
	joining time.Duration // over which the members being spawned begin …
	since   time.Time     // … from here on
	growing *time.Timer   // until growOn; nil if none is under way
	paused  bool
	next    int // the member whose turn it is
	named   int // indices below had a member before
	serial  int // makes names new

	past messages.Counters // of members that have ended

	stopping bool
	stoppers []*actor.PID // who waits for Stopped
	ended    int          // members since stopping …
	unclean  int          // … of these not cleanly
	cause    error        // the first of those
}

// member is one connection, which may have ended.
type member struct {
	index int
	pid   *actor.PID     // nil if it has ended
	view  *handle.Handle // nil if it has ended
	timer *time.Timer    // until it is replaced
}

var _ actor.SupervisorStrategy = (*pool)(nil)

// growOn lets the pool continue to spawn.
type growOn struct{}

// replaceNow is the message of a member's timer.
type replaceNow struct{ place *member }

// Receive never blocks.
func (p *pool) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *messages.SendText, *messages.SendBinary, *messages.SendFragment, *messages.Ping, *messages.Pong, *messages.Close, *family.PingCall:
		p.toNext(ctx, msg)
	case *messages.ToAll:
		p.toAll(ctx, msg)
	case *messages.Pause:
		p.paused = true
		p.each(func(m *member) { ctx.Send(m.pid, msg) })
	case *messages.Resume, *messages.Reconnect:
		p.paused = false
		over := p.spread(p.living)
		p.each(func(m *member) { ctx.Send(m.pid, &handle.Later{Delay: p.draw(over), Command: msg}) })
	case *messages.ResizePool:
		p.resize(ctx, msg)
	case *messages.GetMember:
		p.respond(ctx, p.describe(msg.Member))
	case *messages.ReplaceMember:
		p.replace(ctx, msg.Member)
		p.respond(ctx, p.describe(msg.Member))
	case *messages.GetStatus:
		p.respond(ctx, p.status())
	case *messages.Stop:
		p.stop(ctx, msg)
	case *growOn:
		p.growing = nil
		p.grow(ctx)
	case *replaceNow:
		if m := msg.place; m.timer != nil && m.index < len(p.members) && p.members[m.index] == m {
			p.replace(ctx, m.index)
		}
	case *actor.Terminated:
		p.terminated(ctx, msg.Who)
	case *actor.Started:
		p.system, p.self = ctx.ActorSystem(), ctx.Self()
		p.leaving = map[string]*member{}
		p.size = p.Size
		p.join(ctx)
	case *actor.Stopping:
		defer p.logPanic("stopping") // a panic here would bring the actor back to life
		p.goesDown()
	case *actor.Stopped:
		defer p.logPanic("stopped") // a panic here would hang its parent
		p.answerStoppers()
	}
}

// respond answers the sender, if there is one.
func (p *pool) respond(ctx actor.Context, answer any) {
	if ctx.Sender() != nil {
		ctx.Respond(answer)
	}
}

// each calls f for all living members that are to stay.
func (p *pool) each(f func(m *member)) {
	for _, m := range p.members {
		if m.pid != nil {
			f(m)
		}
	}
}

// spread is the time over which n members begin.
func (p *pool) spread(n int) time.Duration {
	switch {
	case p.SpreadOver < 0:
		return 0
	case p.SpreadOver > 0:
		return p.SpreadOver
	}
	return time.Duration(n) * memberSpread
}

// draw draws a moment between 0 and over.
func (p *pool) draw(over time.Duration) (d time.Duration) {
	if over <= 0 {
		return 0
	}
	defer func() { // a panic of Float64
		if r := recover(); r != nil {
			p.Logger.Error("dandelion: pool.Config.Float64 panicked", slog.Any("panic", r))
			d = time.Duration(rand.Float64() * float64(over))
		}
	}()
	return min(max(0, time.Duration(p.Float64()*float64(over))), over)
}

// join begins to spawn the missing members.
func (p *pool) join(ctx actor.Context) {
	p.joining, p.since = p.spread(p.size-len(p.members)), time.Now()
	p.grow(ctx)
}

// grow spawns the missing members, some in each turn: a large pool handles messages in
// between.
func (p *pool) grow(ctx actor.Context) {
	for n := 0; len(p.members) < p.size && !p.stopping; n++ {
		if n == growStep {
			if p.growing == nil {
				self, root := p.self, p.system.Root
				p.growing = time.AfterFunc(growPause, func() { root.Send(self, &growOn{}) })
			}
			return
		}
		m := &member{index: len(p.members)}
		p.members = append(p.members, m)
		p.spawn(ctx, m, p.draw(p.joining)-time.Since(p.since))
	}
}

// spawn spawns a member.
func (p *pool) spawn(ctx actor.Context, m *member, delay time.Duration) {
	cfg, err := p.config(m.index)
	if err != nil {
		p.report(m, &messages.MemberStopped{Member: m.index, Cause: err})
		return
	}
	if cfg.StartDelay <= 0 {
		cfg.StartDelay = delay
	}
	view := handle.New()
	view.Paused = p.paused
	name := memberPrefix + strconv.Itoa(m.index)
	if m.index < p.named {
		p.serial++
		name += "-" + strconv.Itoa(p.serial)
	}
	p.named = max(p.named, m.index+1)
	pid, err := ctx.SpawnNamed(supervisor.Props(cfg).Configure(view.Option()), name)
	if err != nil { // the name is new, so this comes from somebody's spawn middleware
		p.report(m, &messages.MemberStopped{Member: m.index, Cause: fmt.Errorf("spawning the member: %w", err)})
		return
	}
	m.pid, m.view = pid, view
	p.living++
}

// config asks for the Config of a member. A panic becomes an error.
func (p *pool) config(i int) (cfg supervisor.Config, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("pool.Config.Member(%d) panicked: %v", i, r)
		}
	}()
	cfg = p.Member(i)
	if cfg.Observer == nil {
		cfg.Observer = p.Observer
	}
	if cfg.Logger == nil {
		cfg.Logger = p.Logger
	}
	return cfg, nil
}

// terminated handles the end of a member.
func (p *pool) terminated(ctx actor.Context, who *actor.PID) {
	m, leaves := p.leaving[who.Id]
	if !leaves {
		i, ok := IndexOf(who)
		if !ok || i >= len(p.members) || p.members[i].pid == nil || !p.members[i].pid.Equal(who) {
			return
		}
		m = p.members[i]
	}
	delete(p.leaving, who.Id)
	p.living--
	stands := m.view.Stands()
	m.pid, m.view = nil, nil // a PID that is kept keeps the memory of its actor
	event := &messages.MemberStopped{Member: m.index, Cause: stands.Cause}
	if end := stands.End; end != nil { // nil if its actor did not even start
		event.Epoch, event.Wanted, event.Cause = end.Status.Epoch, end.Wanted, end.Outcome
		p.past.Add(end.Status.Counters)
	}
	if p.stopping {
		p.ended++
		if event.Cause != nil {
			if p.unclean++; p.cause == nil {
				p.cause = event.Cause
			}
		}
	}
	if leaves {
		p.tell(event)
	} else {
		p.report(m, event)
	}
	if p.stopping && p.living == 0 {
		ctx.Stop(p.self)
	}
}

// report reports that a member has ended, and schedules its replacement if that is wanted.
func (p *pool) report(m *member, event *messages.MemberStopped) {
	if p.ReplaceAfter > 0 && !event.Wanted && !p.stopping {
		event.ReplacedIn = p.ReplaceAfter + p.draw(p.ReplaceAfter)
		self, root, msg := p.self, p.system.Root, &replaceNow{m}
		m.timer = time.AfterFunc(event.ReplacedIn, func() { root.Send(self, msg) })
	}
	p.tell(event)
}

func (p *pool) tell(event any) {
	if p.Target != nil {
		p.system.Root.RequestWithCustomSender(p.Target, event, p.self)
	}
}

// replace spawns a member in place of one that has ended.
func (p *pool) replace(ctx actor.Context, i int) {
	if i < 0 || i >= len(p.members) || p.members[i].pid != nil || p.stopping {
		return
	}
	p.stopTimers(p.members[i : i+1])
	m := &member{index: i}
	p.members[i] = m
	p.spawn(ctx, m, 0)
}

func (p *pool) resize(ctx actor.Context, msg *messages.ResizePool) {
	answer := &messages.PoolResized{Before: p.size}
	switch {
	case p.stopping:
		answer.Err = messages.ErrStopped
	case msg.Size < 0, msg.Size > MaxSize:
		answer.Err = fmt.Errorf("%w: %d is not from 0 to %d", messages.ErrPoolSize, msg.Size, MaxSize)
	default:
		p.size = msg.Size
		p.shrink(ctx, msg.Flush)
		p.join(ctx)
	}
	answer.Size = p.size
	p.respond(ctx, answer)
}

// shrink stops the surplus members.
func (p *pool) shrink(ctx actor.Context, flush time.Duration) {
	if p.size >= len(p.members) {
		return
	}
	surplus := p.members[p.size:]
	p.stopTimers(surplus)
	for _, m := range surplus {
		if m.pid != nil {
			p.leaving[m.pid.Id] = m
			ctx.Send(m.pid, &messages.Stop{Flush: flush})
		}
	}
	clear(surplus)
	p.members = p.members[:p.size]
}

func (p *pool) stopTimers(places []*member) {
	for _, m := range places {
		if m.timer != nil {
			m.timer.Stop()
			m.timer = nil
		}
	}
}

// stop ends all members, then the pool. A further Stop reaches the members, too: it may be
// more urgent.
func (p *pool) stop(ctx actor.Context, msg *messages.Stop) {
	if from := ctx.Sender(); from != nil {
		p.stoppers = append(p.stoppers, from)
	}
	p.goesDown()
	order := &messages.Stop{Flush: msg.Flush}
	p.each(func(m *member) { ctx.Send(m.pid, order) })
	for _, m := range p.leaving {
		ctx.Send(m.pid, order)
	}
	if p.living == 0 {
		ctx.Stop(p.self)
	}
}

// goesDown ensures that no further member is spawned.
func (p *pool) goesDown() {
	p.stopping = true
	p.stopTimers(p.members)
	if p.growing != nil {
		p.growing.Stop()
	}
}

func (p *pool) answerStoppers() {
	answer := &messages.Stopped{}
	if p.unclean > 0 {
		answer.Cause = fmt.Errorf("%d of %d members did not end cleanly, the first: %w", p.unclean, p.ended, p.cause)
	}
	for _, pid := range p.stoppers {
		p.system.Root.Send(pid, answer)
	}
	p.stoppers = nil
}

// describe returns the member with this index.
func (p *pool) describe(i int) *Member {
	switch {
	case p.stopping:
		return &Member{Index: i, Err: messages.ErrStopped}
	case i < 0 || i >= p.size:
		return &Member{Index: i, Err: fmt.Errorf("%w: %d of %d", messages.ErrNoMember, i, p.size)}
	case i >= len(p.members):
		return &Member{Index: i, Err: fmt.Errorf("%w yet: %d is being made", messages.ErrNoMember, i)}
	case p.members[i].pid == nil:
		return &Member{Index: i, Err: fmt.Errorf("%w: %d has ended", messages.ErrNoMember, i)}
	}
	return &Member{Index: i, PID: p.members[i].pid}
}

func (p *pool) status() *messages.PoolStatus {
	st := &messages.PoolStatus{Size: p.size, Living: p.living, Leaving: len(p.leaving), Counters: p.past}
	for _, m := range p.members {
		if m.pid == nil {
			st.Ended++
		} else {
			m.view.AddTo(st)
		}
	}
	for _, m := range p.leaving {
		m.view.AddTo(st)
	}
	return st
}

func (p *pool) logPanic(when string) {
	if r := recover(); r != nil {
		p.Logger.Error("dandelion: panic in the pool", slog.String("when", when), slog.Any("panic", r))
	}
}

// HandleFailure handles the panic of a member, which is a bug of this library: the member is
// stopped, and has ended.
func (p *pool) HandleFailure(_ *actor.ActorSystem, sup actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	p.Logger.Error("dandelion: actor failed", slog.String("actor", child.String()), slog.Any("panic", reason))
	sup.StopChildren(child)
}
