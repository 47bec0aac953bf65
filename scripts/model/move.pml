/* How a tenant moves between two databases while it is written to: copy, replication, fence, commit point, activation by whoever
 * comes first, reverse replication, rollback, abort, cleaning up; with servers that know an old placement, movers that are taken
 * over and go on nevertheless, and crashes of both databases. docs/explanations/move-model.md explains it and lists the mutants:
 * every -DNO_… (and a few others) takes one guard away. scripts/check-model.ts runs all of it. */

#ifndef OPS            /* inserts that the servers make, each of a row of its own */
#define OPS 2
#endif
#ifndef SERVERS        /* 1 or 2; each keeps a placement and an epoch of its own in its cache */
#define SERVERS 2
#endif
#ifndef RUNS           /* mover processes; each takes over from the one before at any moment, which does not stop */
#define RUNS 2
#endif
#ifndef CRASHES        /* of either database, at any moment */
#define CRASHES 1
#endif
#ifndef FENCES         /* attempts to fence in the whole history */
#define FENCES 2
#endif
#ifndef ROLLBACKS
#define ROLLBACKS 0
#endif
#ifndef REPEATS        /* times that a finished move is asked for again */
#define REPEATS 0
#endif
#ifndef ABORTS
#define ABORTS 1
#endif

#define A 0
#define B 1
#define OTHER(d) (1 - (d))
#define BIT(i) (1 << ((i) - 1))
#define LOG (2 * OPS + 2 * FENCES + 3)
#define WATERMARK 16   /* log entries: 1..OPS a row inserted, WATERMARK + fence token, WIPE all rows deleted */
#define WIPE 64

/* The tenant's row in platform.tenants, in each database. Its changes are synchronous commits: a crash keeps them. */
bool moved[2];         /* moved_to is not null */
bool arriving[2];
byte epoch[2];
byte fence[2];         /* the token, 0 for none */
bool lapsed[2];        /* clock_timestamp() has passed fenced_until */
byte lease[2];         /* the run that may act on this tenant in this database */
byte start[2];         /* position in the log at activation: what is local to this database begins here */

/* Rows and log as everybody sees them, and what a crash leaves of them: applying is committed asynchronously. */
byte log[2 * LOG];                                  /* that of B follows that of A */
byte rows[2], size[2], seen[2], origin[2];          /* seen: watermarks; origin: how far the subscription here has applied */
byte safe_rows[2], safe_size[2], safe_seen[2], safe_origin[2];
bool there[4];         /* slots (of that database's log; the publication comes and goes with it), subscriptions (of the other's slot) */
#define SLOT(d) (d)
#define SUBSCRIPTION(d) (2 + (d))
byte position[2];      /* of the slots: what is before it was confirmed */

#ifdef LIVENESS
bool dead;
#define MORTAL provided (!dead)
#else
#define MORTAL
#endif

/* The home database: the move's row, its resources, the registry. */
#define PLANNED 0      /* and published: the publication comes with the slot */
#define COPYING 1
#define SUBSCRIBED 2
#define READY 3        /* and caught_up: verifying changes nothing */
#define FENCING 4
#define COMMITTED 5
#define ACTIVATED 6    /* flips the registry next */
#define REVERSING 7
#define OBSERVING 8
#define RETURNING 9    /* a rollback begins: marks its target */
#define FINISHING 10
#define DONE 11
#define ABORTED 12
byte state = PLANNED;
byte runner = 0;                                       /* of the process that owns the move; only grows */
byte source = A;
byte base = 1;                                      /* the source's epoch before the commit point */
bool aborting, is_rollback;
bool intent[4];
byte registry = A, registry_epoch = 1;

byte tokens, crashes, rollbacks, repeats, aborts, finished;
byte acked;                                         /* rows whose insert was acknowledged to a client */
byte writing[SERVERS];                              /* 1 + the database where that server's transaction holds the shared lock */

#if SERVERS == 2
#define HELD(d) (writing[0] == (d) + 1 || writing[1] == (d) + 1)
#else
#define HELD(d) (writing[0] == (d) + 1)
#endif
#ifdef NO_ENTER_LOCK
#define DRAINED(d) true
#else
#define DRAINED(d) (!HELD(d))
#endif

/* The tenant's only whole copy: it lives here, or the other database has released it to this one. */
#define BELONGS(d) (!moved[d] || (moved[OTHER(d)] && epoch[OTHER(d)] > epoch[d]))
#define ONE_OWNER (moved[A] || moved[B])
#define COMPLETE(d) (moved[d] || (rows[d] & acked) == acked)
inline check() { assert(ONE_OWNER); assert(COMPLETE(A)); assert(COMPLETE(B)) }

inline flush(d) { safe_rows[d] = rows[d]; safe_size[d] = size[d]; safe_seen[d] = seen[d]; safe_origin[d] = origin[d] }
inline append(d, e) { assert(size[d] < LOG); log[(d) * LOG + size[d]] = e; size[d]++ }
inline grow(d, e) { assert(e > epoch[d]); epoch[d] = e }

/* platform.activate_tenant() */
#ifdef ACTIVATE_ANY_EPOCH
#define NEWER(d, e) true
#else
#define NEWER(d, e) (epoch[d] < e)
#endif
#ifdef ACTIVATE_NOT_ARRIVING
#define ARRIVING(d) moved[d]
#else
#define ARRIVING(d) arriving[d]
#endif
inline activate(d, e) {
  if
  :: ARRIVING(d) && NEWER(d, e) ->
     moved[d] = false; arriving[d] = false; grow(d, e); start[d] = size[d];
     flush(d); check()
  :: else
  fi
}

#ifdef ADVANCE_AT_FENCE
byte safe_position[2];
#define SAVE_POSITION(d) safe_position[d] = position[d]
#else
#define SAVE_POSITION(d)
#endif
#ifdef ASYNC_COMMIT
bool unflushed[2];
#endif

/* ---- Servers: enter(), the write, and what they do about refusals ---- */
#ifdef NO_LAPSE
#define UNFENCED(d) (fence[d] == 0)
#else
#define UNFENCED(d) (fence[d] == 0 || lapsed[d])
#endif
#ifdef NO_EPOCH_CHECK
#define CURRENT(d, e) true
#else
#define CURRENT(d, e) (e == epoch[d])
#endif
#ifdef NO_MOVED_CHECK
#define HERE(d) true
#else
#define HERE(d) (!moved[d])
#endif

/* platform.pass_fence(): whoever writes after the deadline lifts the fence, so that the commit point finds none. */
inline lift() {
  if
#ifndef NO_LIFT
  :: passed != 0 && fence[place] == passed -> fence[place] = 0; lapsed[place] = false
#endif
#ifdef SKIP_LOCKED     /* unless another writer is about to, who may roll back in the end */
  :: passed != 0 && writing[0] == writing[1] -> skip
#endif
  :: else
  fi;
  passed = 0
}

proctype server(byte me) {
  byte place = A, known = 1, heard = 0, passed = 0, op = me + 1;
  do
  :: op > OPS -> break
  :: else ->
     if
     :: atomic { HERE(place) && CURRENT(place, known) && UNFENCED(place) -> passed = fence[place]; writing[me] = place + 1 };
        atomic {
          if
          :: writing[me] == 0 -> passed = 0          /* the database crashed: the transaction is gone, the client tries again */
#ifdef SKIP_LOCKED
          :: writing[me] != 0 -> passed = 0; writing[me] = 0     /* rolled back */
#endif
          :: writing[me] != 0 ->
             assert(!moved[place]); assert(known == epoch[place]);
             lift();
             rows[place] = rows[place] | BIT(op); append(place, op); flush(place);
             acked = acked | BIT(op); writing[me] = 0; heard = 0; op = op + SERVERS;
             check()
          fi
        }
     :: atomic { !moved[place] && !CURRENT(place, known) -> known = epoch[place] }                        /* RH106, only newer */
     :: atomic { moved[place] && !arriving[place] ->                                                      /* RH106 */
          known = epoch[place]; heard = known; place = OTHER(place) }
     :: atomic { moved[place] && arriving[place] && heard == 0 ->                                         /* RH701 */
          known = epoch[place]; place = OTHER(place) }
     :: atomic { moved[place] && arriving[place] && heard != 0 -> skip };                                 /* RH701: help */
        atomic {
#ifndef NO_HELP
          activate(place, heard);
#endif
          if
          :: !moved[place] -> known = epoch[place]
          :: else -> known = epoch[place]; place = OTHER(place)
          fi;
          heard = 0
        }
     fi
  od
}

/* A read asks the same row and takes no lock. What it reads must hold everything acknowledged so far. */
#ifdef READ_ARRIVING
#define READABLE(d) (!moved[d] || arriving[d])
#else
#define READABLE(d) (!moved[d])
#endif
proctype reader() {
end: do
  :: atomic { READABLE(A) -> assert((rows[A] & acked) == acked) }
  :: atomic { READABLE(B) -> assert((rows[B] & acked) == acked) }
  od
}

/* ---- The world: replication, time, crashes ---- */
#define NEXT(d) log[OTHER(d) * LOG + origin[d]]
#define PENDING(d) (there[SUBSCRIPTION(d)] && there[SLOT(OTHER(d))] && origin[d] < safe_size[OTHER(d)] && position[OTHER(d)] < safe_size[OTHER(d)])
/* A slot never sends what was confirmed to it. Only flushed WAL is sent, and rows that were themselves replicated too:
 * PostgreSQL 15 has no origin filter. */
inline apply(d) {
  if :: origin[d] < position[OTHER(d)] -> origin[d] = position[OTHER(d)] :: else fi;
  if
  :: NEXT(d) >= WIPE -> assert(!BELONGS(d)); rows[d] = 0
  :: NEXT(d) > WATERMARK && NEXT(d) < WIPE ->
     assert((seen[d] & BIT(NEXT(d) - WATERMARK)) == 0); seen[d] = seen[d] | BIT(NEXT(d) - WATERMARK)
  :: else ->
     assert(moved[d]);                           /* it would overwrite what was written here since */
     assert((rows[d] & BIT(NEXT(d))) == 0);      /* 23505: the subscription would stop for good */
     rows[d] = rows[d] | BIT(NEXT(d))
  fi;
  append(d, NEXT(d)); origin[d]++;
  if :: flush(d) :: skip fi
}
proctype replication() {
end: do
  :: atomic { PENDING(A) -> apply(A) }
  :: atomic { PENDING(B) -> apply(B) }
  od
}

proctype clock() {
end: do
  :: atomic { fence[A] != 0 && !lapsed[A] -> lapsed[A] = true }
  :: atomic { fence[B] != 0 && !lapsed[B] -> lapsed[B] = true }
#ifdef CLOCK_BACK      /* somebody sets the source's clock back */
  :: atomic { fence[A] != 0 && lapsed[A] -> lapsed[A] = false }
#endif
  od
}

/* What was committed synchronously stays; transactions in flight go; appliers resume at the origin that came back with the rows. */
inline crash(d) {
  rows[d] = safe_rows[d]; size[d] = safe_size[d]; seen[d] = safe_seen[d]; origin[d] = safe_origin[d];
  if :: writing[0] == d + 1 -> writing[0] = 0 :: else fi;
#if SERVERS == 2
  if :: writing[1] == d + 1 -> writing[1] = 0 :: else fi;
#endif
#ifdef ADVANCE_AT_FENCE
  position[d] = safe_position[d];                /* an advanced slot is written out at the next checkpoint only */
#endif
#ifdef ASYNC_COMMIT
  if :: unflushed[d] -> moved[d] = false; epoch[d]--; unflushed[d] = false :: else fi;
#endif
  check()
}
proctype crashing() {
end: do
  :: atomic { crashes < CRASHES -> crashes++; crash(A) }
  :: atomic { crashes < CRASHES -> crashes++; crash(B) }
  od
}

/* ---- The mover ---- */
#ifdef NO_RUN_CHECK    /* on transitions at home */
#define OWNS true
#else
#define OWNS (runner == me)
#endif
#ifdef NO_LEASE        /* on slots, publications and subscriptions */
#define LEASED(d) true
#else
#define LEASED(d) (lease[d] == me)
#endif
#ifdef NO_CLEAN_TOKEN  /* on what deletes and loads rows */
#define FILLS(d) arriving[d]
#elif defined(NO_ARRIVING_CHECK)
#define FILLS(d) (lease[d] == me)
#else
#define FILLS(d) (lease[d] == me && arriving[d])
#endif
#ifdef NO_CUTOVER_LEASE /* on fencing, on the target's confirmation and on the commit point: one of the three is enough */
#define MAY_CUT(d) true
#else
#define MAY_CUT(d) (lease[d] == me)
#endif
#ifdef NO_DEADLINE
#define IN_TIME(d) true
#else
#define IN_TIME(d) (!lapsed[d])
#endif
#ifdef NO_FENCE_TOKEN
#define FENCED_BY_ME(d) (fence[d] != 0)
#else
#define FENCED_BY_ME(d) (fence[d] == token)
#endif
#ifdef LEASE_UNORDERED
#define LATER(d) true
#else
#define LATER(d) (lease[d] < me)
#endif
#ifdef NO_TARGET_CHECK
#define ELSEWHERE(d) true
#else
#define ELSEWHERE(d) moved[d]
#endif

/* Taking over, in each database: later runs have higher numbers. Whatever fence an earlier run has set is lifted. */
inline take(d) {
  atomic {
    if
    :: LATER(d) -> lease[d] = me;
#ifndef NO_UNFENCING
       fence[d] = 0; lapsed[d] = false
#endif
    :: else -> goto stop
    fi
  }
}
/* A transition: at home, conditional on the run. */
inline enter_state(x) { atomic { if :: OWNS -> state = x :: else -> goto stop fi } }
#ifdef NO_INTENT       /* the resource is noted once it is there */
#define BEFORE false
#else
#define BEFORE true
#endif
inline intend(which) { atomic { if :: OWNS -> intent[which] = intent[which] || BEFORE :: else -> goto stop fi } }
inline note(which) { atomic { if :: OWNS -> intent[which] = true :: else -> goto stop fi } }
inline create_slot(d) {
  intend(SLOT(d));
  atomic {
    if
    :: LEASED(d) ->
       if :: !there[SLOT(d)] -> there[SLOT(d)] = true; flush(d); position[d] = size[d]; SAVE_POSITION(d) :: else fi;
       snapshot = rows[d]
    :: else -> goto stop
    fi
  };
#ifdef NO_INTENT
  note(SLOT(d))
#endif
}
inline create_subscription(d, at) {
  intend(SUBSCRIPTION(d));
  atomic {
    if
    :: LEASED(d) -> if :: !there[SUBSCRIPTION(d)] -> there[SUBSCRIPTION(d)] = true; origin[d] = at; safe_origin[d] = at :: else fi
    :: else -> goto stop
    fi
  };
#ifdef NO_INTENT
  note(SUBSCRIPTION(d))
#endif
}
inline drop(which, d) {
  if
  :: intent[which] ->
     atomic { if :: LEASED(d) -> there[which] = false :: else -> goto stop fi };
     atomic { if :: OWNS -> intent[which] = false :: else -> goto stop fi }
  :: else
  fi
}
inline wipe(d) { assert(!BELONGS(d)); rows[d] = 0; append(d, WIPE); flush(d) }

proctype mover(byte me) MORTAL {
  byte s, d, token, next, snapshot;
  atomic { runner == me - 1 -> runner = me };          /* at any moment; the one before goes on all the same */
  take(A); take(B);

again:
  atomic {
    if :: OWNS -> s = source; d = OTHER(s) :: else -> goto stop fi;
    token = 0; next = 0; snapshot = 0;
    if
    :: aborting -> goto abort
    :: !aborting && state <= FENCING && aborts < ABORTS -> aborts++; goto ask_abort
    :: !aborting && state == PLANNED -> goto planned
    :: !aborting && state == COPYING -> goto copying
    :: !aborting && state == SUBSCRIBED -> goto subscribed
    :: !aborting && state == READY -> goto ready
    :: !aborting && state == FENCING -> goto fencing
    :: state == COMMITTED || state == ACTIVATED -> goto committed
    :: state == REVERSING -> goto reversing
    :: state == OBSERVING && rollbacks < ROLLBACKS -> rollbacks++; is_rollback = true; source = d; state = RETURNING; goto again
    :: state == OBSERVING -> goto observing
    :: state == RETURNING -> goto returning
    :: state == FINISHING -> goto finishing
    :: (state == DONE || state == ABORTED) && repeats < REPEATS ->
       repeats++; is_rollback = false; state = PLANNED;
       if :: source = A :: source = B fi; goto again
    :: state == DONE || state == ABORTED -> goto stop
    fi
  };

planned:
#ifndef NO_SOURCE_CHECK
  if :: moved[s] -> enter_state(DONE); goto again :: else fi;   /* it lives at the target already */
#endif
  next = epoch[s];
  atomic {
    if
    :: lease[d] == me && ELSEWHERE(d) ->
       moved[d] = true; arriving[d] = true;
#ifdef EPOCH_RESET
       epoch[d] = 0
#else
       if :: epoch[d] < next -> epoch[d] = next :: else fi
#endif
    :: else -> goto stop
    fi
  };
  atomic { if :: OWNS -> base = next; state = COPYING :: else -> goto stop fi };
  goto again;

copying:
  drop(SLOT(s), s);
#ifdef CHECK_THEN_CLEAN
  if :: FILLS(d) -> skip :: else -> goto stop fi;
  atomic { if :: rows[d] != 0 -> wipe(d) :: else fi };
#else
  atomic { if :: FILLS(d) -> if :: rows[d] != 0 -> wipe(d) :: else assert(!BELONGS(d)) fi :: else -> goto stop fi };
#endif
  create_slot(s);
  atomic { if :: FILLS(d) -> assert((rows[d] & snapshot) == 0); rows[d] = rows[d] | snapshot; flush(d) :: else -> goto stop fi };
  enter_state(SUBSCRIBED);
  goto again;

subscribed:                                      /* of a rollback: the reverse subscription, which is there */
  create_subscription(d, 0);
  enter_state(READY);
  goto again;

ready:
  create_slot(d);
  enter_state(FENCING);
  goto again;

fencing:
  atomic { if :: moved[s] && epoch[s] > base -> goto is_committed :: else fi };
  atomic {
    DRAINED(s) ->
    if
    :: MAY_CUT(s) && !moved[s] && (fence[s] == 0 || lapsed[s]) && tokens < FENCES ->
       tokens++;
#ifdef WATERMARK_REUSED
       token = 1; if :: tokens == 1 -> append(s, WATERMARK + token) :: else fi;
#else
       token = tokens; append(s, WATERMARK + token);
#endif
       fence[s] = token; lapsed[s] = false; flush(s)
    :: MAY_CUT(s) && !moved[s] && (fence[s] == 0 || lapsed[s]) && tokens == FENCES -> goto ask_abort
    :: MAY_CUT(s) && !moved[s] && fence[s] != 0 && !lapsed[s] -> goto again
    :: else -> goto again                        /* moved meanwhile, or another run has taken over */
    fi
  };
  if
  :: atomic { (seen[d] & BIT(token)) != 0 -> skip }
  :: atomic { fence[s] != token || lapsed[s] -> goto unfence }
  fi;
#ifdef ADVANCE_AT_FENCE
  atomic { if :: there[SLOT(d)] && position[d] < size[d] -> position[d] = size[d] :: else fi };
#endif
#ifndef NO_CONFIRM   /* a synchronous commit at the target that still finds the watermark: what came before it can't be lost */
  atomic { if :: MAY_CUT(d) && arriving[d] && (seen[d] & BIT(token)) != 0 -> flush(d) :: else -> goto unfence fi };
#endif
#ifdef NO_COMMIT_LOCK
  if :: MAY_CUT(s) && !moved[s] && FENCED_BY_ME(s) && IN_TIME(s) -> skip :: else -> goto unfence fi;
  atomic { if :: !moved[s] && FENCED_BY_ME(s) -> skip :: else -> goto unfence fi;
#else
  atomic {
    DRAINED(s) ->
    if :: MAY_CUT(s) && !moved[s] && FENCED_BY_ME(s) && IN_TIME(s) -> skip :: else -> goto unfence fi;
#endif
    moved[s] = true; grow(s, epoch[s] + 1); fence[s] = 0; lapsed[s] = false;
#ifdef ASYNC_COMMIT
    unflushed[s] = true
#else
    flush(s)
#endif
  };
is_committed:
  enter_state(COMMITTED);
  goto again;
unfence:
  atomic { if :: fence[s] == token -> fence[s] = 0; lapsed[s] = false :: else fi };
  goto again;

committed:
  atomic { if :: moved[s] -> next = epoch[s] :: else -> goto stop fi };
  if
  :: state == COMMITTED ->
     atomic { activate(d, next) };
     enter_state(ACTIVATED)
  :: else
  fi;
  atomic {
#ifdef FLIP_ANY_EPOCH
    assert(next >= registry_epoch); registry = d; registry_epoch = next
#else
    if :: registry_epoch < next -> registry = d; registry_epoch = next :: else fi
#endif
  };
  enter_state(REVERSING);
  goto again;

reversing:
#ifdef REVERSE_BEFORE_DROP
  create_subscription(s, start[d]);
#endif
  drop(SUBSCRIPTION(d), d);
  drop(SLOT(s), s);
#if defined(ADVANCE_AT_FENCE) || defined(NO_START)
  create_subscription(s, 0);
#else
  create_subscription(s, start[d]);
#endif
  enter_state(OBSERVING);
  goto again;

observing:
  enter_state(FINISHING);
  goto again;

returning:
  atomic { if :: !moved[s] -> next = epoch[s] :: else -> goto stop fi };
  atomic {
    if
    :: lease[d] == me && moved[d] -> arriving[d] = true; if :: epoch[d] < next -> epoch[d] = next :: else fi
    :: else -> goto stop
    fi
  };
  atomic { if :: OWNS -> base = next; state = SUBSCRIBED :: else -> goto stop fi };
  goto again;

finishing:
  drop(SUBSCRIPTION(s), s);
  drop(SUBSCRIPTION(d), d);
  drop(SLOT(d), d);
  drop(SLOT(s), s);
  atomic {                                       /* the source's rows; its tombstone stays */
#ifdef NO_TOMBSTONE_CHECK
    wipe(s)
#else
    if :: lease[s] == me && moved[s] && !arriving[s] -> wipe(s) :: else -> goto stop fi
#endif
  };
  enter_state(DONE);
  goto again;

ask_abort:
#ifndef ABORT_UNPERSISTED
  atomic { if :: OWNS -> aborting = true :: else -> goto stop fi };
#endif
abort:
#ifdef ABORT_UNDECIDED
  atomic { if :: fence[s] == token -> fence[s] = 0; lapsed[s] = false :: else fi };
#else
  atomic {                                       /* the abort's own point of decision: on the source, in one statement */
    if
    :: lease[s] == me && !moved[s] -> fence[s] = 0; lapsed[s] = false
    :: lease[s] == me && moved[s] -> goto too_late
    :: else -> goto stop
    fi
  };
#endif
  if
  :: is_rollback ->                              /* back to observing: the reverse replication stays as it was */
     drop(SLOT(d), d);
     atomic { if :: FILLS(d) -> arriving[d] = false :: else fi };
     atomic { if :: OWNS -> aborting = false; is_rollback = false; source = d; state = OBSERVING :: else -> goto stop fi }
  :: else ->
     drop(SUBSCRIPTION(d), d);
     drop(SLOT(s), s);
     drop(SLOT(d), d);
     atomic { if :: FILLS(d) -> wipe(d); arriving[d] = false :: else fi };
     atomic { if :: OWNS -> aborting = false; state = ABORTED :: else -> goto stop fi }
  fi;
  goto again;
too_late:
  atomic { if :: OWNS -> aborting = false; state = COMMITTED :: else -> goto stop fi };
  goto again;

stop:
  atomic {
    finished++;
    if
    :: finished == RUNS ->
       assert(state == DONE || state == ABORTED);
       assert(!there[0] && !there[1] && !there[2] && !there[3]);
       assert(!arriving[A] && !arriving[B] && fence[A] == 0 && fence[B] == 0);
       assert(moved[A] != moved[B])
    :: else
    fi
  }
}

/* With -DLIVENESS the mover dies at some moment, whichever, and nobody resumes it: every server still gets its writes done. */
#ifdef LIVENESS
proctype killer() { dead = true }
ltl served { <> (acked == (1 << OPS) - 1) }
#endif

init {
  atomic {
    moved[B] = true; epoch[A] = 1;
    run reader(); run replication(); run clock(); run crashing();
#ifdef LIVENESS
    run killer();
#endif
    run server(0);
#if SERVERS == 2
    run server(1);
#endif
    byte me = 1;
    do :: me <= RUNS -> run mover(me); me++ :: else -> break od
  }
}
