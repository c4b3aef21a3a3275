/** An address space as naive as can be: a map from page to a cell. One operation at a time. */

/** Where contents are: one for each page that somebody can write. */
interface Store {
  contents: number;
}

interface Cell {
  readonly store: Store;
  readonly isShared: boolean;
  readonly isWritable: boolean;
}

export class NaiveModel {
  readonly cells: Map<number, Cell> = new Map();

  mmap(from: number, to: number, isShared: boolean): void {
    for (let page = from; page < to; page++) {
      this.cells.set(page, { store: { contents: 0 }, isShared, isWritable: true });
    }
  }

  munmap(from: number, to: number): void {
    for (let page = from; page < to; page++) this.cells.delete(page);
  }

  mremap(from: number, to: number, target: number): void {
    for (let page = from; page < to; page++) {
      const cell = this.cells.get(page);
      if (cell !== undefined) this.cells.set(target + page - from, cell);
      this.cells.delete(page);
    }
  }

  protect(from: number, to: number, isWritable: boolean): void {
    this.#each(from, to, (page, cell) => this.cells.set(page, { ...cell, isWritable }));
  }

  /** DONTNEED: private pages are zeros again, shared memory keeps its contents. */
  discard(from: number, to: number): void {
    this.#each(from, to, (page, cell) => {
      if (!cell.isShared) this.cells.set(page, { ...cell, store: { contents: 0 } });
    });
  }

  /** REMOVE: shared memory is zeros again, for all who map it. */
  punch(from: number, to: number): void {
    this.#each(from, to, (_page, { isShared, store }) => {
      if (isShared) store.contents = 0;
    });
  }

  fork(): NaiveModel {
    const child = new NaiveModel();
    for (const [page, cell] of this.cells) {
      child.cells.set(page, cell.isShared ? cell : { ...cell, store: { ...cell.store } });
    }
    return child;
  }

  read(page: number): number {
    return this.cells.get(page)?.store.contents ?? 0;
  }

  /** How an access ends; a write that is allowed is done. */
  access(page: number, write: boolean, contents: number): 'ok' | 'efault' | 'eperm' {
    const cell = this.cells.get(page);
    if (cell === undefined) return 'efault';
    if (!write) return 'ok';
    if (!cell.isWritable) return 'eperm';
    cell.store.contents = contents;
    return 'ok';
  }

  #each(from: number, to: number, change: (page: number, cell: Cell) => void): void {
    for (let page = from; page < to; page++) {
      const cell = this.cells.get(page);
      if (cell !== undefined) change(page, cell);
    }
  }
}
