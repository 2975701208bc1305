/* Leases, terms, the hand-over of a job from one node to another, and the return of a node; docs/model.md says which code is
 * meant. Two managers share a store; agents serve jobs, one each; mailboxes stand between them.
 *
 * A manager may be stopped between any two of its steps for as long as the clock likes: it is just not scheduled. A tick is 5 s.
 * Bounds and broken rules are -D switches; scripts/model has the sets that are checked.
 *
 * After its disturbances (ticks at will, moves, absences, losses) a run becomes quiet: then time passes only when nothing else
 * can be done, and after SETTLE ticks everything has to be as it was promised.
 */

#ifndef NODES /* 2 or 3 */
#define NODES 2
#endif
#ifndef JOBS /* 1 or 2 */
#define JOBS 1
#endif
#ifndef TICKS /* that come at any time */
#define TICKS 4
#endif
#ifndef MOVES /* a node is taken for lost, rightly or not, or drained */
#define MOVES 1
#endif
#ifndef ABSENCES /* an agent is out of reach while its media go on, and comes back */
#define ABSENCES 1
#endif
#ifndef LOSSES /* of commands, of results */
#define LOSSES 1
#endif
#ifndef REPEATS /* a command is delivered again, behind later ones; JOBS is 1 */
#define REPEATS 0
#endif
#ifndef SWAPS /* two commands of one sender change places, which bus/bus.h promises not to happen */
#define SWAPS 0
#endif
#ifndef UNKNOWN /* the store's answer is lost behind the commit of a lease's transaction */
#define UNKNOWN 0
#endif
#ifndef RELEASES /* a manager gives its lease back */
#define RELEASES 0
#endif

#ifndef SETTLE /* ticks of quiet; 0: a run is never quiet */
#define SETTLE 12
#endif

#define MANAGERS 2
#define RENEW 1 /* LEASE_RENEW_MS, LEASE_STOP_MS, LEASE_EXPIRE_MS in ticks */
#define STOP 2
#define EXPIRE 3
#define NONE 255
#define BIT(n) (1 << (n))

mtype = { START, END };

/* The store: the lease's row, and of each order its node, the nodes that are to be ended, how often it was assigned. */
byte lease_term, lease_key = NONE, lease_until;
byte row_node[JOBS], row_olds[JOBS], row_gen[JOBS];
bit row_runs[JOBS];

/* The managers' memory. Times are ticks that are left. */
byte term[MANAGERS], stop[MANAGERS], asked[MANAGERS], due[MANAGERS];
byte book[MANAGERS], book_term[MANAGERS]; /* which nodes are promised, and by what term that was read */
byte told[MANAGERS];                      /* nodes that were sent their command since the last tick */

/* The agents' disks, and whether they are out of reach. */
byte wanted[NODES], highest[NODES];
bit away[NODES];
int seen[NODES];
#ifdef NUMBERED /* a mend for a bus that swaps: the newest assignment that was carried out */
byte newest[NODES];
#endif

/* Commands, in order per sender; and of each agent its newest result for each manager. */
typedef mailboxes {
	chan to[NODES] = [2] of { mtype, byte, byte, byte }; /* kind, job, term, assignment */
	mtype kind[NODES];
	byte job[NODES], gen[NODES];
};
mailboxes box[MANAGERS];

/* What only the checks know. */
bit accepted[JOBS];
byte delivered[JOBS]; /* the newest assignment that has served */
byte obeyed[NODES];   /* the highest term that was carried out */

byte ticks = TICKS, moves = MOVES, absences = ABSENCES, losses = LOSSES, repeats = REPEATS, swaps = SWAPS, unknown = UNKNOWN,
     releases = RELEASES;
bit quiet, over;

#define held(m) (term[m] && stop[m])
#define leads(m) (held(m) && book_term[m] == term[m])
#define takes(j, n) (row_gen[j] && (row_node[j] == (n) || (row_olds[j] & BIT(n))))
#define placed(j, n) (row_gen[j] && row_node[j] == (n))
#define ends(j, n) (row_gen[j] && (row_olds[j] & BIT(n)))
#if JOBS > 1
#define others(n) (takes(0, n) + takes(1, n))
#define serves_rightly(n) (wanted[n] == NONE || (wanted[n] == 0 && takes(0, n)) || (wanted[n] == 1 && takes(1, n)))
#else
#define others(n) (takes(0, n))
#define serves_rightly(n) (wanted[n] == NONE || takes(0, n))
#endif

/* --- what holds whenever a step has ended --- */

inline check_node(n)
{
	assert(others(n) <= 1);      /* no capacity is promised twice */
	assert(serves_rightly(n)) /* a job's node and those being ended serve it, nobody else */
}

inline check()
{
	check_node(0);
	check_node(1);
#if NODES > 2
	check_node(2);
#endif
	assert(!accepted[0] || row_gen[0]); /* no accepted order is forgotten */
#if JOBS > 1
	assert(!accepted[1] || row_gen[1]);
#endif
	assert(!(held(0) && held(1))) /* one leader */
}

/* --- the store's transactions --- */

#ifdef NO_FENCE
#define fence(m, t) true
#else
#define fence(m, t) (lease_key == m && lease_term == t)
#endif

inline store_ask(m)
{
	if
	:: lease_key == m && term[m] && lease_term == term[m] -> lease_until = EXPIRE
	:: else ->
		if
		:: lease_until == 0 || lease_key == m ->
			lease_term++;
			lease_key = m;
			lease_until = EXPIRE
		:: else
		fi
	fi
}

/* --- a manager --- */

inline lose(m)
{
	term[m] = 0;
	stop[m] = 0;
	told[m] = 0;
#ifndef KEEP_BOOK
	book[m] = 0;
	book_term[m] = 0;
#endif
	forget_result(m, 0);
	forget_result(m, 1);
#if NODES > 2
	forget_result(m, 2)
#endif
}

inline forget_result(m, n)
{
	box[m].kind[n] = 0;
	box[m].job[n] = 0;
	box[m].gen[n] = 0
}

#define room(m, j, n) (row_node[j] != (n) && (!(book[m] & BIT(n)) || ends(j, n)))
#if NODES > 2
#define any_room(m, j) (room(m, j, 0) || room(m, j, 1) || room(m, j, 2))
#else
#define any_room(m, j) (room(m, j, 0) || room(m, j, 1))
#endif

inline choose()
{
	t = term[m];
	if
	:: room(m, j, 0) -> n = 0
	:: room(m, j, 1) -> n = 1
#if NODES > 2
	:: room(m, j, 2) -> n = 2
#endif
	fi
}

inline assign()
{
	if
	:: fence(m, t) ->
		if
		:: row_gen[j] -> row_olds[j] = (row_olds[j] | BIT(row_node[j])) & ~BIT(n)
		:: else
		fi;
#ifdef NO_HANDOVER
		row_olds[j] = 0;
#endif
		row_node[j] = n;
		row_runs[j] = 0;
		row_gen[j]++;
		accepted[j] = 1;
		book[m] = book[m] | BIT(n);
		told[m] = 0
	:: else
	fi;
	check()
}

/* What node `n` is to be told for job `j`, if anything. A new node first, then the old ones are ended. */
#define to_start(j, n) (placed(j, n) && !row_runs[j])
#ifdef STOP_FIRST
#define to_end(j, n) ends(j, n)
#else
#define to_end(j, n) (ends(j, n) && row_runs[j])
#endif
#define to_tell(m, j, n) (!(told[m] & BIT(n)) && (to_start(j, n) || to_end(j, n)))
#define has_result(m, j, n) (box[m].gen[n] && box[m].job[n] == j && box[m].gen[n] == row_gen[j] && \
	((box[m].kind[n] == START && to_start(j, n)) || (box[m].kind[n] == END && to_end(j, n))))

/* What is known and the term, read at once; the message is on its way at another time. */
inline decide(J, N)
{
	j = J;
	n = N;
	t = term[m];
	g = row_gen[j];
	k = (to_start(j, n) -> START : END)
}

inline tell()
{
	told[m] = told[m] | BIT(n);
	if
	:: len(box[m].to[n]) < 2 -> box[m].to[n] ! k, j, t, g
	:: else
	fi
}

inline take_result()
{
	if
	:: fence(m, t) && k == START -> row_runs[j] = 1; told[m] = 0
	:: fence(m, t) && k == END -> row_olds[j] = row_olds[j] & ~BIT(n); book[m] = book[m] & ~BIT(n)
	:: !fence(m, t)
	fi;
	forget_result(m, n);
	check()
}

#define WORK(J) \
	:: atomic { leads(m) && !row_gen[J] && any_room(m, J) -> j = J; choose() }; goto order \
	:: atomic { moves && !quiet && leads(m) && row_gen[J] && any_room(m, J) -> moves--; j = J; choose() }; goto move

#define TALK(J, N) \
	:: atomic { leads(m) && to_tell(m, J, N) -> decide(J, N) }; goto telling \
	:: atomic { leads(m) && has_result(m, J, N) -> decide(J, N) }; goto taking

proctype manager(byte m)
{
	byte t, j, n, g;
	mtype k;

end:	do
	:: atomic { due[m] == 0 && !over ->
		due[m] = RENEW;
		asked[m] = STOP;
		if
		:: stop[m] == 0 -> lose(m)
		:: else
		fi
	   }
	   atomic { store_ask(m) }
	   atomic {
		if
		:: unknown && !quiet -> unknown--
		:: lease_key == m ->
			term[m] = lease_term;
#ifdef COUNT_LATE
			stop[m] = STOP
#else
			stop[m] = asked[m]
#endif
		:: lease_key != m -> lose(m)
		fi;
		asked[m] = 0;
		check()
	   }
	:: atomic { releases && !quiet && held(m) -> releases--; t = term[m]; lose(m) }
	   atomic {
		if
		:: lease_key == m && lease_term == t -> lease_key = NONE; lease_until = 0
		:: else
		fi;
		t = 0
	   }
	:: atomic { held(m) && book_term[m] != term[m] ->
#ifdef KEEP_BOOK
		if
		:: book_term[m] -> skip
		:: else ->
#endif
		book[m] = (others(0) -> BIT(0) : 0) | (others(1) -> BIT(1) : 0);
#if NODES > 2
		book[m] = book[m] | (others(2) -> BIT(2) : 0);
#endif
#ifdef KEEP_BOOK
		fi;
#endif
		book_term[m] = term[m];
		told[m] = 0
	   }
	WORK(0)
	TALK(0, 0)
	TALK(0, 1)
#if NODES > 2
	TALK(0, 2)
#endif
#if JOBS > 1
	WORK(1)
	TALK(1, 0)
	TALK(1, 1)
#if NODES > 2
	TALK(1, 2)
#endif
#endif
	od;

order:
#ifdef ACCEPT_EARLY
	atomic { accepted[j] = 1 }
#endif
	atomic {
		if
		:: row_gen[j] == 0 -> assign()
		:: else
		fi;
		t = 0; j = 0; n = 0; goto end
	}
move:
	atomic { assign(); t = 0; j = 0; n = 0; goto end }
telling:
	atomic { tell(); t = 0; j = 0; n = 0; g = 0; k = 0; goto end }
taking:
	atomic { take_result(); t = 0; j = 0; n = 0; g = 0; k = 0; goto end }
}

/* --- an agent --- */

#if REPEATS
#define ID(k, t, g) (1 << ((((t) & 3) * 4 + ((g) & 3)) * 2 + ((k) == START)))
#endif
#ifdef ACCEPT_LOWER
#define refuses(n, t) false
#else
#define refuses(n, t) ((t) < highest[n] || is_old(n))
#endif
#ifdef NUMBERED
#define is_old(n) (g < newest[n])
#else
#define is_old(n) false
#endif

/* One transaction: the term, the message's id, the wanted state. */
inline carry_out(m)
{
	assert(t >= obeyed[n]); /* nothing of a lost lease behind what is newer */
	highest[n] = t;
	obeyed[n] = t;
#ifdef NUMBERED
	newest[n] = g;
#endif
	if
	:: k == START ->
		wanted[n] = j;
		if
		:: placed(j, n) && row_gen[j] == g -> delivered[j] = g
		:: else
		fi
	:: k == END && wanted[n] == j ->
		assert(delivered[j] >= g); /* nothing old ends before the new one has delivered */
		wanted[n] = NONE
	:: k == END && wanted[n] != j
	fi
}

inline answer(m)
{
	if
	:: losses && !quiet -> losses--
	:: true -> box[m].kind[n] = k; box[m].job[n] = j; box[m].gen[n] = g
	fi
}

inline handle(m)
{
	if
	:: losses && !quiet -> losses--
	:: swaps && !quiet && len(box[m].to[n]) > 0 -> swaps--; box[m].to[n] ! k, j, t, g
#if REPEATS
	:: repeats && !quiet -> repeats--; box[m].to[n] ! k, j, t, g; goto once
#endif
	:: true ->
once:
		if
		:: refuses(n, t)
#if REPEATS && !defined(NO_DEDUPE)
		:: !refuses(n, t) && (seen[n] & ID(k, t, g)) -> answer(m)
		:: !refuses(n, t) && !(seen[n] & ID(k, t, g)) -> seen[n] = seen[n] | ID(k, t, g); carry_out(m); answer(m)
#else
		:: !refuses(n, t) -> carry_out(m); answer(m)
#endif
		fi
	fi;
	check();
	k = 0; j = 0; t = 0; g = 0
}

proctype agent(byte n)
{
	byte t, j, g;
	mtype k;

end:	do
	:: atomic { !away[n] && len(box[0].to[n]) > 0 -> box[0].to[n] ? k, j, t, g; handle(0) }
	:: atomic { !away[n] && len(box[1].to[n]) > 0 -> box[1].to[n] ? k, j, t, g; handle(1) }
	:: atomic { absences && !quiet && !away[n] -> absences--; away[n] = 1 }
	:: atomic { away[n] ->
		away[n] = 0;
#ifdef AGENT_FORGETS
		highest[n] = 0
#endif
	   }
	od
}

/* --- time --- */

#define LESS(x) x = (x -> x - 1 : 0)

/* What may have been lost is sent again; a copy of what is still on its way is a repetition. */
#define AGAIN(m, n) told[m] = (len(box[m].to[n]) -> told[m] : told[m] & ~BIT(n))
inline again(m)
{
	AGAIN(m, 0);
	AGAIN(m, 1);
#if NODES > 2
	AGAIN(m, 2)
#endif
}

inline tick()
{
	LESS(lease_until);
	LESS(stop[0]); LESS(asked[0]); LESS(due[0]);
	LESS(stop[1]); LESS(asked[1]); LESS(due[1]);
	again(0); again(1);
	check()
}

inline check_settled(j)
{
	assert(accepted[j]);               /* who asks long enough has his order */
	assert(row_runs[j] && !row_olds[j]); /* each hand-over ends */
	assert(wanted[row_node[j]] == j)     /* and the order is served */
}

init
{
	byte rest;

	atomic {
		row_node[0] = NONE;
#if JOBS > 1
		row_node[1] = NONE;
#endif
		wanted[0] = NONE; wanted[1] = NONE;
#if NODES > 2
		wanted[2] = NONE;
		run agent(2);
#endif
#ifndef FRESH /* manager 0 has just begun to lead */
		lease_key = 0; lease_term = 1; lease_until = EXPIRE;
		term[0] = 1; stop[0] = STOP; due[0] = RENEW; book_term[0] = 1;
#endif
		run agent(0); run agent(1);
		run manager(0); run manager(1)
	}
end:	do
	:: atomic { ticks && !quiet -> ticks--; tick() }
	#if SETTLE
	:: atomic { !quiet -> quiet = 1; ticks = 0; moves = 0; absences = 0; losses = 0; repeats = 0; swaps = 0; unknown = 0;
		releases = 0 }
	:: atomic { quiet && timeout && rest < SETTLE -> rest++; tick() }
	:: atomic { quiet && timeout && rest == SETTLE -> break }
#endif
	od;
	atomic {
		check_settled(0);
#if JOBS > 1
		check_settled(1);
#endif
		over = 1
	}
}
