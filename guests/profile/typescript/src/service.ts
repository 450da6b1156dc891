// What a user says of herself: one value a user, put, fetched and deleted as a whole.
import { accept, refuse, remove, update, value } from '@innkeeper/sdk'
import { Profile, Profiles } from './gen/profile.ts'

export default value(Profiles, {
  value: Profile,
  decide: {
    put: (_current, profile) => update(profile).reply(profile),
    fetch: (current, { user }) =>
      current === undefined ? refuse('NOT_FOUND', `${user} has no profile`) : accept().reply(current),
    delete: () => remove().reply({}),
  },
})
